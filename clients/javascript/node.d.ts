export function fromPath(path: string): Promise<Blob & { name: string }>;
