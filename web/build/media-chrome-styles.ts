import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const helper = fileURLToPath(new URL("../src/player/shadow-styles.ts", import.meta.url));

/** What media-chrome writes where it fills a shadow root, and what is built instead. */
const fillings: readonly (readonly [string, string])[] = [
  [
    "this.shadowRoot.setHTMLUnsafe ? this.shadowRoot.setHTMLUnsafe(html) : this.shadowRoot.innerHTML = html;",
    "fillShadowRoot(this.shadowRoot, html);",
  ],
  [
    "this.shadowRoot.innerHTML = this.constructor.getTemplateHTML(attrs);",
    "fillShadowRoot(this.shadowRoot, this.constructor.getTemplateHTML(attrs));",
  ],
  ['styleParent.querySelectorAll("style:not([media])")', "styleHoldersOf(styleParent)"],
];

/**
 * Lets media-chrome work under a content security policy without 'unsafe-inline': its elements bring
 * their style sheets as <style> text in their shadow roots; the build makes constructed sheets of them.
 * The build fails when a new version of media-chrome fills its shadow roots in another way.
 */
export function mediaChromeStyles(): Plugin {
  return {
    name: "media-chrome-styles",
    transform(code, id) {
      if (!/\/media-chrome\/dist\/.*\.js$/.test(id)) return null;
      const replaced = fillings.reduce((text, [from, to]) => text.replaceAll(from, to), code);
      if (/shadowRoot\.(innerHTML =|setHTMLUnsafe)|querySelectorAll\("style/.test(replaced)) {
        this.error(`${id} fills a shadow root in a way that the content security policy forbids`);
      }
      if (replaced === code) return null;
      const imports = `import { fillShadowRoot, styleHoldersOf } from ${JSON.stringify(helper)};\n`;
      return { code: imports + replaced, map: null };
    },
  };
}
