/** Text in lines of at most 120 columns. */

const WIDTH = 120;

/** Words in lines that begin with so many blanks. */
export function wrapped(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter((part) => part !== "")) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  if (line !== "") lines.push(line);
  return lines.map((content) => " ".repeat(indent) + content);
}

/** Rows of cells side by side, each after its gap; the last column is wrapped under itself. */
export function columns(rows: readonly (readonly string[])[], gaps: readonly string[]): string[] {
  const last = gaps.length - 1;
  const widths = gaps.map((_, column) => Math.max(0, ...rows.map((row) => (row[column] ?? "").length)));
  return rows.flatMap((row) => {
    const head =
      row
        .slice(0, last)
        .map((cell, column) => gaps[column]! + cell.padEnd(widths[column]!))
        .join("") + gaps[last]!;
    const [first = "", ...more] = wrapped(row[last] ?? "", head.length);
    return [(head + first.slice(head.length)).trimEnd(), ...more];
  });
}
