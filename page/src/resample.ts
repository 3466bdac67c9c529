// Samples at one rate to 16-bit samples at another, in pieces.
// Knows nothing about microphones. Each sample that comes out is the mean of those it stands for,
// which is filter enough for speech.

export class Resampler {
  private readonly step: number;
  private sum = 0;
  private weight = 0;

  /** From `rate` samples a second to `to`, which is less or the same. */
  constructor(rate: number, to: number) {
    this.step = rate / to;
  }

  /** What can be made of all samples so far and has not been given out. */
  convert(samples: Float32Array): Int16Array {
    const made = new Int16Array(Math.ceil((samples.length + this.weight) / this.step));
    let n = 0;
    for (const sample of samples) {
      const part = Math.min(1, this.step - this.weight);
      this.add(sample, part);
      if (this.weight < this.step - 1e-9) continue;
      made[n++] = clipped(this.sum / this.step);
      this.sum = 0;
      this.weight = 0;
      this.add(sample, 1 - part);
    }
    return made.subarray(0, n);
  }

  private add(sample: number, part: number): void {
    this.sum += sample * part;
    this.weight += part;
  }
}

const clipped = (value: number): number => Math.round(Math.max(-1, Math.min(1, value)) * 32767);
