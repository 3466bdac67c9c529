/**
 * A client for Auricle's speech-to-text server, for browsers and Node 18 or newer.
 * It needs nothing but what they have; `auricle.d.ts` describes its types.
 */
import { EventReader } from "./sse.js";

export { EventReader };

const TEXT_FORMATS = ["text", "srt", "vtt"];
const RETRIED = [408, 429, 502, 503, 504];
const MAX_WAIT_S = 60;
const MAX_BACKOFF_S = 8;

/** Any failure: of the connection (no `status`), or one the server answered with. */
export class AuricleError extends Error {
  constructor(message, details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "AuricleError";
    this.status = details.status ?? null;
    this.param = details.param ?? null;
    this.code = details.code ?? null;
    this.requestId = details.requestId ?? null;
    this.retryAfterS = details.retryAfterS ?? null;
  }
}

export class Auricle {
  #url;
  #headers;
  #maxRetries;

  constructor({ baseUrl = "http://localhost:50060", apiKey, maxRetries = 2 } = {}) {
    if (!/^https?:\/\//.test(baseUrl)) {
      throw new TypeError(`baseUrl '${baseUrl}' must begin with http:// or https://`);
    }
    this.#url = baseUrl.replace(/\/+$/, "").replace(/\/v1$/, "");
    this.#headers = apiKey ? { authorization: `Bearer ${apiKey}` } : {};
    this.#maxRetries = maxRetries;
  }

  /** What is said in a recording (a Blob or File); a string for text, srt and vtt. */
  transcribe(recording, options = {}) {
    return this.#whole("transcriptions", recording, options);
  }

  /** The same in English. */
  translate(recording, options = {}) {
    return this.#whole("translations", recording, options);
  }

  /** The text while it is recognised: events with deltas, then one of type transcript.text.done. */
  async *stream(recording, { task = "transcribe", ...options } = {}) {
    const path = `/v1/audio/${task === "translate" ? "translations" : "transcriptions"}`;
    const fields = { response_format: "json", ...options, stream: true };
    const response = await this.#post(path, recording, fields);
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    const events = new EventReader();
    let isDone = false;
    try {
      for (;;) {
        const { value, done } = await broken(reader.read(), this.#url);
        if (done) break;
        for (const data of events.feed(decoder.decode(value, { stream: true }))) {
          if (data === "[DONE]") continue;
          const event = JSON.parse(data);
          if (event.error) throw apiError(200, response.headers, event.error);
          if (event.type === "transcript.text.done") isDone = true;
          yield event;
        }
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
    if (!isDone) throw new AuricleError("the stream ended before the transcription was done");
  }

  /** The names the server answers to. */
  async models() {
    return (await (await this.#get("/v1/models", [200])).json()).data;
  }

  /** Whether the server can take requests now. */
  async health() {
    return (await this.#get("/health", [200, 503])).json();
  }

  async #whole(action, recording, options) {
    const wantsLogprobs = options.logprobs || options.include;
    const wantsWords = options.words || options.timestamp_granularities;
    const usual = wantsLogprobs && !wantsWords ? "json" : "verbose_json";
    const fields = { ...options, response_format: options.response_format ?? usual };
    const response = await this.#post(`/v1/audio/${action}`, recording, fields);
    const content = await broken(response.text(), this.#url);
    if (TEXT_FORMATS.includes(fields.response_format)) return content;
    const answer = parsed(content);
    // A server that kept a long wait alive with blanks can only tell of a failure in the body.
    if (answer.error) throw apiError(response.status, response.headers, answer.error);
    return { ...answer, request_id: response.headers.get("x-request-id") };
  }

  #get(path, accepted) {
    return this.#sent(() => fetch(this.#url + path, { headers: this.#headers }), accepted);
  }

  #post(path, recording, { signal, onProgress, ...fields }) {
    const form = written(recording, fields);
    const target = { url: this.#url + path, headers: this.#headers, signal };
    const send = () =>
      onProgress ? withProgress(target, form, recording.size, onProgress) : plain(target, form);
    return this.#sent(send, [200], signal);
  }

  /** Sends until there is an answer that is no refusal, as often as is allowed. */
  async #sent(send, accepted, signal) {
    for (let nFailed = 0; ; nFailed++) {
      let waitS;
      let error;
      try {
        const response = await send();
        if (accepted.includes(response.status)) return response;
        error = await refusal(response);
        waitS = waitAfter(response, error.retryAfterS ?? backoffS(nFailed));
      } catch (cause) {
        if (signal?.aborted) throw cause;
        error = connectionError(cause, this.#url);
        // The server may still be at work on what took too long.
        waitS = isTimeout(cause) ? null : backoffS(nFailed);
      }
      if (waitS === null || nFailed >= this.#maxRetries) throw error;
      await pause(waitS, signal);
    }
  }
}

/** The form: arrays as repeated names with brackets, objects as JSON, null left out. */
function written(recording, { words, logprobs, model = "whisper-1", ...rest }) {
  if (!(recording instanceof Blob)) {
    throw new TypeError("the recording must be a Blob or File; node.js has fromPath for paths");
  }
  const form = new FormData();
  const fields = { model, ...rest };
  if (words) fields.timestamp_granularities = ["word", "segment"];
  if (logprobs) fields.include = ["logprobs"];
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === undefined) continue;
    if (Array.isArray(value)) value.forEach((one) => form.append(`${name}[]`, String(one)));
    else form.append(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  form.append("file", recording, recording.name || "recording"); // last: a server can refuse early
  return form;
}

function plain({ url, headers, signal }, form) {
  return fetch(url, { method: "POST", body: form, headers, signal });
}

/** Browsers count sent bytes for XMLHttpRequest only; elsewhere the body can be a stream. */
function withProgress(target, form, size, onProgress) {
  if (typeof XMLHttpRequest === "undefined") return counted(target, form, size, onProgress);
  return byXhr(target, form, size, onProgress);
}

function counted({ url, headers, signal }, form, size, onProgress) {
  const encoded = new Response(form);
  let nSent = 0;
  const counter = new TransformStream({
    transform(piece, controller) {
      nSent += piece.length;
      onProgress(Math.min(nSent, size), size);
      controller.enqueue(piece);
    },
  });
  const body = encoded.body.pipeThrough(counter);
  const type = { "content-type": encoded.headers.get("content-type") };
  const all = { method: "POST", body, signal, duplex: "half", headers: { ...headers, ...type } };
  return fetch(url, all);
}

/** The answer grows in memory here, so a stream of events with progress comes at its end. */
function byXhr({ url, headers, signal }, form, size, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open("POST", url);
    request.responseType = "arraybuffer";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(Math.min(event.loaded, size), size);
    request.onload = () => {
      const lines = request.getAllResponseHeaders().trim().split(/[\r\n]+/);
      const found = lines.filter(Boolean).map((line) => line.split(/:\s*(.*)/s).slice(0, 2));
      resolve(new Response(request.response, { status: request.status, headers: found }));
    };
    request.onerror = () => reject(new TypeError("network error"));
    request.onabort = () => reject(signal?.reason ?? new DOMException("aborted", "AbortError"));
    request.onloadend = () => signal?.removeEventListener("abort", abort);
    if (signal?.aborted) return reject(signal.reason);
    signal?.addEventListener("abort", abort);
    request.send(form);
  });
}

async function refusal(response) {
  const content = await response.text().catch(() => "");
  let detail = null;
  try {
    detail = JSON.parse(content).error;
  } catch {
    // Something other than Auricle answered; its first words are the message.
  }
  const shown = content.trim().slice(0, 200) || "the server gave no reason";
  return apiError(response.status, response.headers, detail?.message ? detail : { message: shown });
}

function apiError(status, headers, { message, param, code }) {
  const requestId = headers.get("x-request-id");
  const retryAfterS = secondsToWait(headers);
  return new AuricleError(message, { status, param, code, requestId, retryAfterS });
}

function secondsToWait(headers) {
  for (const [name, scale] of [["retry-after-ms", 0.001], ["retry-after", 1]]) {
    const value = headers.get(name);
    if (value !== null && /^\d+(\.\d+)?$/.test(value.trim())) return Number(value) * scale;
  }
  const date = Date.parse(headers.get("retry-after") ?? "");
  return Number.isNaN(date) ? null : Math.max(0, (date - Date.now()) / 1000);
}

function waitAfter(response, waitS) {
  const advice = response.headers.get("x-should-retry");
  const isWorthIt = advice === "true" || (advice !== "false" && RETRIED.includes(response.status));
  return isWorthIt && waitS <= MAX_WAIT_S ? waitS : null;
}

function backoffS(nFailed) {
  return Math.min(MAX_BACKOFF_S, 0.5 * 2 ** nFailed) * (0.75 + 0.25 * Math.random());
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

function parsed(content) {
  try {
    return JSON.parse(content);
  } catch (cause) {
    const shown = content.trim().slice(0, 200);
    throw new AuricleError(`the server's answer is no transcription: ${shown}`, { cause });
  }
}

/** What broke while an answer was read, unless the caller ended it. */
async function broken(reading, url) {
  try {
    return await reading;
  } catch (cause) {
    if (cause?.name === "AbortError") throw cause;
    throw connectionError(cause, url);
  }
}

function isTimeout(cause) {
  return /Timeout/.test(`${cause?.name} ${cause?.cause?.name}`);
}

function connectionError(cause, url) {
  const why = cause?.cause?.message || cause?.cause?.code || cause?.message;
  return new AuricleError(`no answer from ${url}: ${why}`, { cause });
}
