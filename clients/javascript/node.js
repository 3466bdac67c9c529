/** What only Node has: recordings on disk. */
import * as fs from "node:fs";
import { basename } from "node:path";

/**
 * A file as a Blob with a name. From Node 19.8 on it is read from disk while it is sent; before, it
 * is read into memory here.
 */
export async function fromPath(path) {
  await fs.promises.access(path, fs.constants.R_OK); // openAsBlob does not say which file
  const blob = fs.openAsBlob
    ? await fs.openAsBlob(path)
    : new Blob([await fs.promises.readFile(path)]);
  return Object.defineProperty(blob, "name", { value: basename(path) });
}
