// What is asked of the server about a recording: the fields of the form, and the same in code.
// Knows nothing about how it is sent.

export interface Options {
  readonly model: string;
  readonly task: "transcribe" | "translate";
  /** A code; empty to have it detected. */
  readonly language: string;
  readonly prompt: string;
  readonly keywords: string;
  readonly speakers: boolean;
}

export const USUAL: Options = {
  model: "whisper-1",
  task: "transcribe",
  language: "",
  prompt: "",
  keywords: "",
  speakers: false,
};

export const pathOf = ({ task }: Options): string =>
  task === "translate" ? "v1/audio/translations" : "v1/audio/transcriptions";

/** The form's text fields in order. */
export function fieldsOf(options: Options): [string, string][] {
  const keywords = options.keywords.split(/[,\n]/u).map((term) => term.trim());
  return [
    ["model", options.model],
    ["response_format", options.speakers ? "diarized_json" : "json"],
    ["stream", "true"],
    ["timestamp_granularities[]", "word"],
    ["include[]", "languages"],
    ...optional("language", options.language),
    ...optional("prompt", options.prompt.trim()),
    ...keywords.flatMap((term) => optional("keywords[]", term)),
  ];
}

const optional = (name: string, value: string): [string, string][] =>
  value ? [[name, value]] : [];

export const LANGUAGES_OF_CODE = ["curl", "Python", "JavaScript"] as const;
export type CodeLanguage = (typeof LANGUAGES_OF_CODE)[number];

export interface Snippet {
  /** The server's address without a slash at its end. */
  readonly base: string;
  readonly file: string;
  readonly options: Options;
  /** Whether the server wants a key; it is never written into the code. */
  readonly hasKey: boolean;
}

const KEY_VARIABLE = "AURICLE_API_KEY";

/** A program that sends exactly the request that the page sends. */
export function codeFor(language: CodeLanguage, snippet: Snippet): string {
  switch (language) {
    case "curl":
      return curl(snippet);
    case "Python":
      return python(snippet);
    case "JavaScript":
      return javascript(snippet);
  }
}

function curl({ base, file, options, hasKey }: Snippet): string {
  const parts = [
    `curl --no-buffer ${quoted(`${base}/${pathOf(options)}`)}`,
    ...(hasKey ? [`-H "Authorization: Bearer $${KEY_VARIABLE}"`] : []),
    `-F ${quoted(`file=@"${file.replace(/[\\"]/gu, "\\$&")}"`)}`,
    ...fieldsOf(options).map(([name, value]) => `--form-string ${quoted(`${name}=${value}`)}`),
  ];
  return parts.join(" \\\n  ");
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function python({ base, file, options, hasKey }: Snippet): string {
  const fields = fieldsOf(options).map(([name, v]) => `            (${json(name)}, ${json(v)}),`);
  const key = `        headers={"Authorization": f"Bearer {os.environ['${KEY_VARIABLE}']}"},`;
  return [
    ...(hasKey ? ["import os", ""] : []),
    "import requests",
    "",
    `with open(${json(file)}, "rb") as audio:`,
    "    answer = requests.post(",
    `        ${json(`${base}/${pathOf(options)}`)},`,
    ...(hasKey ? [key] : []),
    `        files={"file": audio},`,
    "        data=[",
    ...fields,
    "        ],",
    "        stream=True,",
    "    )",
    "for line in answer.iter_lines():",
    `    print(line.decode())`,
  ].join("\n");
}

function javascript({ base, file, options, hasKey }: Snippet): string {
  const fields = fieldsOf(options).map(([name, v]) => `form.append(${json(name)}, ${json(v)});`);
  const headers = hasKey
    ? `  headers: { Authorization: \`Bearer \${process.env.${KEY_VARIABLE}}\` },\n`
    : "";
  return `import { openAsBlob } from "node:fs";

const form = new FormData();
form.append("file", await openAsBlob(${json(file)}), ${json(file)});
${fields.join("\n")}

const answer = await fetch(${json(`${base}/${pathOf(options)}`)}, {
  method: "POST",
${headers}  body: form,
});
for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
  process.stdout.write(piece);
}`;
}

const json = (value: unknown): string => JSON.stringify(value);
