// What is being played: where it is, and how to move it.
// Knows nothing about how it is drawn.

import { signal } from "@preact/signals";

export const time = signal(0);
export const isPlaying = signal(false);

interface Player {
  seek(seconds: number): void;
  toggle(): void;
  play(from: number, until: number): void;
  pause(): void;
}

let player: Player | null = null;

/** Make a player the one that is meant; what it returns ends that. */
export function attach(next: Player): () => void {
  player = next;
  time.value = 0;
  isPlaying.value = false;
  return () => {
    if (player === next) player = null;
    isPlaying.value = false;
  };
}

export function seek(seconds: number): void {
  player?.seek(seconds);
  time.value = seconds;
}

export const toggle = (): void => player?.toggle();
export const pause = (): void => player?.pause();
/** Play what is between two times. */
export const play = (from: number, until: number): void => player?.play(from, until);
