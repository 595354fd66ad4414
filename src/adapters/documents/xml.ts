export type XmlNode = { readonly name: string; readonly attributes: Readonly<Record<string, string>>; readonly content: string | readonly XmlNode[] };

/** An element, or nothing where its text is missing or it has no children: UBL forbids empty elements. */
export function element(name: string, content: string | null | undefined | readonly (XmlNode | null)[], attributes: XmlNode['attributes'] = {}): XmlNode | null {
  if (content === null || content === undefined || content === '') return null;
  if (typeof content === 'string') return { name, attributes, content };
  const children = content.filter((child) => child !== null);
  return children.length === 0 ? null : { name, attributes, content: children };
}

/** A whole document as UTF-8, without indentation. */
export function xmlBytes(root: XmlNode): Buffer {
  const parts = ['<?xml version="1.0" encoding="UTF-8"?>\n'];
  write(root, parts);
  return Buffer.from(parts.join(''), 'utf8');
}

function write({ name, attributes, content }: XmlNode, parts: string[]): void {
  parts.push('<', name);
  for (const [key, value] of Object.entries(attributes)) parts.push(' ', key, '="', escaped(value), '"');
  parts.push('>');
  if (typeof content === 'string') parts.push(escaped(content));
  else for (const child of content) write(child, parts);
  parts.push('</', name, '>');
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (c) => entities[c] ?? c);
}
