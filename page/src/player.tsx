// A recording to listen to, with its waveform.

import { useEffect, useRef, useState } from "preact/hooks";
import WaveSurfer from "wavesurfer.js";
import { clock } from "./formats";
import { Icon } from "./icons";
import type { Job } from "./job";
import { attach, isPlaying, seek, time, toggle } from "./playback";

/** Larger files are played, but not drawn: for that the browser would decode them whole. */
const MAX_DRAWN_BYTES = 150 * 1024 * 1024;
const RATES = [0.5, 0.75, 1, 1.25, 1.5, 2];
const dark = matchMedia("(prefers-color-scheme: dark)");

/** A canvas knows no custom properties; the styles of the page are asked what they come to. */
function colours(of: Element) {
  const style = getComputedStyle(of);
  return {
    waveColor: style.color,
    progressColor: style.accentColor,
    cursorColor: style.accentColor,
  };
}

function useWaveform(job: Job) {
  const box = useRef<HTMLDivElement>(null);
  const surfer = useRef<WaveSurfer | null>(null);
  const [canPlay, setCanPlay] = useState<boolean | null>(null);
  useEffect(() => {
    const container = box.current;
    if (!container) return;
    const cspNonce = document.querySelector<HTMLLinkElement>("link[nonce]")?.nonce ?? "";
    const look = {
      height: 76,
      barWidth: 2.5,
      barGap: 2,
      barRadius: 2,
      cursorWidth: 2,
      normalize: true,
    };
    const made = WaveSurfer.create({
      container,
      ...look,
      ...colours(container),
      cspNonce,
      dragToSeek: true,
    });
    surfer.current = made;
    made.on("timeupdate", (now) => (time.value = now));
    made.on("play", () => (isPlaying.value = true));
    made.on("pause", () => (isPlaying.value = false));
    made.on("error", () => setCanPlay(false));
    made.on("ready", (duration) => {
      job.duration.value = duration;
      setCanPlay(true);
    });
    const detach = attach({
      seek: (to) => made.setTime(to),
      toggle: () => void made.playPause(),
      play: (from, until) => void made.play(from, until),
      pause: () => made.pause(),
    });
    const isDrawn = job.file.size <= MAX_DRAWN_BYTES;
    void (isDrawn ? made.loadBlob(job.file) : made.load(job.address, [[0]])).catch(() =>
      setCanPlay(false),
    );
    const recolour = () => made.setOptions(colours(container));
    dark.addEventListener("change", recolour);
    return () => {
      dark.removeEventListener("change", recolour);
      detach();
      made.destroy();
    };
  }, [job]);
  return { box, surfer, canPlay };
}

export function Player({ job }: { job: Job }) {
  const { box, surfer, canPlay } = useWaveform(job);
  const duration = job.duration.value;
  const now = Math.min(time.value, duration);
  const isLost = canPlay === false && job.state.value === "failed";
  return (
    <div class="card player" data-can-play={canPlay} hidden={isLost}>
      {canPlay === false && (
        <p class="quiet">This browser cannot play the file; the server reads it all the same.</p>
      )}
      <button
        type="button"
        class="button round strong"
        disabled={!canPlay}
        onClick={toggle}
        aria-label={isPlaying.value ? "Pause" : "Play"}
      >
        <Icon name={isPlaying.value ? "pause" : "play"} />
      </button>
      <div class="track">
        <input
          class="over"
          type="range"
          min={0}
          max={duration || 1}
          step={0.1}
          value={now}
          disabled={!canPlay}
          aria-label="Position"
          aria-valuetext={`${clock(now)} of ${clock(duration)}`}
          onInput={(event) => seek(Number(event.currentTarget.value))}
        />
        <div ref={box} class="waveform" aria-hidden="true" />
      </div>
      <div class="times small">
        <span class="quiet">
          {clock(now)} / {clock(duration)}
        </span>
        <label>
          <span class="hidden">Speed</span>
          <select
            onChange={(event) => surfer.current?.setPlaybackRate(Number(event.currentTarget.value))}
          >
            {RATES.map((rate) => (
              <option key={rate} value={rate} selected={rate === 1}>
                {rate}×
              </option>
            ))}
          </select>
        </label>
      </div>
    </div>
  );
}
