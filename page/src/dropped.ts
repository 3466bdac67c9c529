// The files in what was dropped or pasted, those in folders too.
// Knows nothing about what becomes of them.

/** Files that are taken at once; a folder may hold a whole disk. */
const MAX_FILES = 500;

export async function filesIn(data: DataTransfer): Promise<File[]> {
  // Of entries and files nothing is left once the event is over, so they are taken before any wait
  const entries = [...data.items].map((item) => item.webkitGetAsEntry());
  const plain = [...data.files];
  if (!entries.some((entry) => entry?.isDirectory)) return plain.slice(0, MAX_FILES);
  const files: File[] = [];
  for (const entry of entries) if (entry) await collect(entry, files);
  return files.slice(0, MAX_FILES);
}

/** Add the files of an entry in the order of their names, without hidden ones. */
async function collect(entry: FileSystemEntry, into: File[]): Promise<void> {
  if (into.length >= MAX_FILES || entry.name.startsWith(".")) return;
  if (entry.isFile) {
    into.push(await new Promise<File>((...on) => (entry as FileSystemFileEntry).file(...on)));
    return;
  }
  const inside = await entriesOf(entry as FileSystemDirectoryEntry);
  for (const each of inside.sort((a, b) => a.name.localeCompare(b.name))) await collect(each, into);
}

/** A folder tells its entries in pieces, and then an empty one. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((...on) => reader.readEntries(...on));
    if (!some.length) return all;
    all.push(...some);
  }
}
