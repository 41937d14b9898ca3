// Points at a word and at a patch of a page of pairs, and prints what is seen: for each word whether its map is, for each
// patch whether its words are.
// usage: node hover.mjs PACKAGES CHROMIUM PAGE.html
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [packages, executablePath, page] = process.argv.slice(2);
const { chromium } = createRequire(join(resolve(packages), "node_modules/"))("playwright-core");

// The sandbox of Chromium cannot be had as root or in most containers; the page is our own.
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const tab = await browser.newPage();
  await tab.goto(pathToFileURL(resolve(page)).href);
  const words = tab.locator(".pairs .words > span"), patches = tab.locator(".pairs .patches > i");
  const seen = async () => {
    const of = async (inside) => Promise.all((await inside.all()).map((one) => one.isVisible()));
    return [await of(words.locator("img")), await of(patches.locator("> b"))];
  };
  const out = {};
  await tab.mouse.move(0, 0);
  out.before = await seen();
  await words.nth(1).hover();
  out.word = await seen();
  await patches.nth(2).hover();
  out.patch = await seen();
  process.stdout.write(JSON.stringify(out));
} finally {
  await browser.close();
}
