// The page in clients/browser in headless Chromium: its address, the server's, a recording and the
// browser's path from standard input, what was seen to standard output.

import { text } from "node:stream/consumers";
import { chromium } from "playwright-core";

const { url, server, recording, language, browser: executablePath } = JSON.parse(await text(process.stdin));
const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
const browser = await chromium.launch({ executablePath, args });
try {
  const page = await browser.newPage();
  await page.goto(url);
  await page.fill("#url", server);
  await page.fill("#language", language);
  await page.setInputFiles("#file", recording);
  await page.waitForFunction(() => document.querySelector("#cancel").disabled
    && (document.querySelector("#text").textContent || document.querySelector("#complaint").textContent));
  const shown = { text: await page.textContent("#text"), complaint: await page.textContent("#complaint") };
  process.stdout.write(JSON.stringify(shown));
} finally {
  await browser.close();
}
