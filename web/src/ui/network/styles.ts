import css from "../styles/network.css?inline";

/** Puts the styles of this folder on the page. They come with its scripts, so that the sheet of all pages is without them. */
function adopt(): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

adopt();
