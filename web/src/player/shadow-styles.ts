// What media-chrome's elements call instead of writing <style> text into their shadow roots, which a
// strict content security policy forbids. build/media-chrome-styles.ts puts these calls in.

/** Fills a shadow root with the elements in html; its style sheets become adopted ones. */
export function fillShadowRoot(root: ShadowRoot, html: string): void {
  const template = document.createElement("template");
  template.innerHTML = html;
  for (const style of template.content.querySelectorAll("style")) {
    const sheet = new CSSStyleSheet({ media: style.media });
    sheet.replaceSync(style.textContent ?? "");
    root.adoptedStyleSheets.push(sheet);
    style.remove();
  }
  root.replaceChildren(template.content);
}

/** The sheets of a shadow root that apply to every medium, each as the `sheet` of a <style> element. */
export function styleHoldersOf(root: ShadowRoot): { sheet: CSSStyleSheet }[] {
  return root.adoptedStyleSheets.filter((sheet) => sheet.media.mediaText === "").map((sheet) => ({ sheet }));
}

/** Whether this browser has constructed style sheets, which the controls need. */
export function canStyleShadowRoots(): boolean {
  return "adoptedStyleSheets" in Document.prototype && "replaceSync" in CSSStyleSheet.prototype;
}
