// Recording a file with the microphone.

import { useState } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { clock } from "./formats";
import { Icon } from "./icons";
import { add } from "./jobs";
import { Meter } from "./meter";
import { fileOf, open, type Microphone } from "./microphone";
import type { Problem } from "./problem";

interface Recording {
  readonly microphone: Microphone;
  readonly recorder: MediaRecorder;
}

export function RecordButton({ onProblem }: { onProblem: (problem: Problem | null) => void }) {
  const [recording, setRecording] = useState<Recording | null>(null);
  const seconds = useSignal(0);
  const begin = async () => {
    onProblem(null);
    try {
      const microphone = await open();
      const pieces: Blob[] = [];
      const recorder = new MediaRecorder(microphone.stream);
      seconds.value = 0;
      const ticking = setInterval(() => (seconds.value += 1), 1000);
      recorder.ondataavailable = ({ data }) => pieces.push(data);
      recorder.onstop = () => {
        clearInterval(ticking);
        microphone.close();
        setRecording(null);
        add([fileOf(pieces, "Recording", recorder.mimeType)]);
      };
      recorder.start();
      setRecording({ microphone, recorder });
    } catch (problem) {
      onProblem(problem as Problem);
    }
  };
  if (recording === null) {
    return (
      <button type="button" class="button" onClick={() => void begin()}>
        <Icon name="microphone" /> Record
      </button>
    );
  }
  return (
    <span class="recording">
      <button type="button" class="button danger" onClick={() => recording.recorder.stop()}>
        <Icon name="stop" /> Stop <span class="fixed">{clock(seconds.value)}</span>
      </button>
      <Meter level={recording.microphone.level} />
    </span>
  );
}
