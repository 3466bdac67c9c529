"""Jobs that outlive the server: recordings that are kept until they are transcribed."""
