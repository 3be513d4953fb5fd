import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { Locator, Page } from "playwright-core";

/** The narrowest window for which WCAG 2.2 (1.4.10) wants no scrolling in two directions. */
const NARROW = { width: 320, height: 640 };
const USUAL = { width: 1024, height: 768 };

/** Runs in the page. Texts that stand out from what is behind them by less than WCAG 2.2 (1.4.3) asks for. */
const FAINT_TEXTS = `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color[3] !== 0) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement, data } = walker.currentNode;
    if (data.trim() === "" || !parentElement.checkVisibility()) continue;
    const [low, high] = [channels(getComputedStyle(parentElement).color), behind(parentElement)].map(luminance).sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) faint.push(data.trim() + " " + ratio.toFixed(1));
  }
  return faint;
})()`;

/** What a person who needs labels, contrast or a narrow window would stumble over: a sentence each, nothing where all is well. */
export async function stumblingBlocks(page: Page): Promise<string[]> {
  const found: string[] = [];
  if ((await page.locator("h1").count()) !== 1) found.push("The page has not one heading.");
  if ((await page.locator("html").getAttribute("lang")) !== "en") found.push("The page does not say its language.");
  for (const [role, selector] of [
    ["textbox", "input[type=text]"],
    ["checkbox", "input[type=checkbox]"],
    ["combobox", "select"],
    ["button", "button"],
  ] as const) {
    const all = await page.locator(selector).filter({ visible: true }).count();
    // A name of its own, from a label: a placeholder goes as soon as somebody types.
    const labelled = await page.getByRole(role, { name: /\S/ }).filter({ visible: true }).count();
    if (labelled < all) found.push(`${all - labelled} of ${all} (${role}) have no label.`);
  }
  const unlabelled = await page.evaluate<number>(
    "[...document.querySelectorAll('input:not([type=hidden]), select')].filter((field) => field.labels.length !== 1).length",
  );
  if (unlabelled > 0) found.push(`${unlabelled} fields have not one label.`);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const text of await page.evaluate<string[]>(FAINT_TEXTS)) found.push(`In ${colorScheme}, faint: ${text}.`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(NARROW);
  const width = await page.evaluate<number>("document.documentElement.scrollWidth");
  if (width > NARROW.width) found.push(`At ${NARROW.width} pixels it is ${width} wide.`);
  await page.setViewportSize(USUAL);
  return found;
}

/** Pictures of the page, light, dark and narrow, in the folder that EBB_SCREENSHOTS names; none without it. */
export async function photograph(page: Page, name: string): Promise<void> {
  const folder = process.env["EBB_SCREENSHOTS"];
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  for (const [kind, colorScheme, viewport] of [
    ["light", "light", USUAL],
    ["dark", "dark", USUAL],
    ["narrow", "light", NARROW],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    await page.screenshot({ path: join(folder, `${name}-${kind}.png`), fullPage: true });
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(USUAL);
}

const MOST_TABS = 40;

/** Moves the focus to an element as somebody without a mouse does. Throws where it is out of their reach, or not to be seen. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  const isFocused = async () => (await target.and(page.locator(":focus")).count()) === 1;
  for (let i = 0; i < MOST_TABS && !(await isFocused()); i++) await page.keyboard.press("Tab");
  if (!(await isFocused())) throw new Error(`no key reaches ${target}`);
  const outline = await page.evaluate<string>("getComputedStyle(document.activeElement).outlineStyle");
  if (outline === "none") throw new Error(`the focus cannot be seen on ${target}`);
}
