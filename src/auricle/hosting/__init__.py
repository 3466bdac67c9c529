"""Several models on one machine: which are loaded, what memory they take, who has to make room."""
