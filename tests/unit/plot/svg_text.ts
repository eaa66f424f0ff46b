/** The texts of one role in an SVG, one list for each group of that role; hidden and empty texts are left out. */
export function texts(svg: string, role: string): string[][] {
  const groups = svg.matchAll(new RegExp(`<g class="mark-text role-${role}[ "][^>]*>(.*?)</g>`, "gs"));
  return [...groups].map(([, group]) =>
    [...group.matchAll(/<text[^>]*?(?: opacity="([\d.]+)")?>([^<]*)<\/text>/g)]
      .filter(([, opacity, text]) => opacity !== "0" && text !== "")
      .map(([, , text]) => text)
  );
}
