// In the browser's audio thread: what a microphone hears, as 24 kHz 16-bit PCM in pieces of 40 ms.

import { Resampler } from "./resample";

declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, of: new () => AudioWorkletProcessor): void;

const RATE = 24_000;
const PIECE = RATE / 25;

class Pcm extends AudioWorkletProcessor {
  private readonly resampler = new Resampler(sampleRate, RATE);
  private piece = new Int16Array(PIECE);
  private n = 0;

  process([channels]: Float32Array[][]): boolean {
    const [heard] = channels ?? [];
    for (const sample of heard ? this.resampler.convert(heard) : []) {
      this.piece[this.n++] = sample;
      if (this.n === PIECE) this.send();
    }
    return true;
  }

  private send(): void {
    this.port.postMessage(this.piece.buffer, [this.piece.buffer]);
    this.piece = new Int16Array(PIECE);
    this.n = 0;
  }
}

registerProcessor("pcm", Pcm);
