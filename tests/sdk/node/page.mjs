// The page of the documentation in headless Chromium: its address and the browser's path from
// standard input, what was seen to standard output. Knows nothing about what should be seen.

import { text } from "node:stream/consumers";
import { chromium } from "playwright-core";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const { url, browser: executablePath } = JSON.parse(await text(process.stdin));
const browser = await chromium.launch({ executablePath, args: ARGUMENTS });
try {
  const page = await browser.newPage();
  const complaints = [];
  const requests = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(url);
  await page.waitForSelector(".opblock");
  const operations = await page.$$eval(".opblock-summary", (found) => found.map((each) => {
    const path = each.querySelector(".opblock-summary-path").getAttribute("data-path");
    return `${each.querySelector(".opblock-summary-method").textContent} ${path}`;
  }));

  const health = page.locator(".opblock", { has: page.locator('[data-path="/health"]') });
  await health.locator(".opblock-summary-control").click();
  await health.locator(".try-out__btn").click();
  await health.locator(".execute").click();
  const row = health.locator(".live-responses-table tr.response .response-col_status");
  const status = await row.first().textContent();
  const title = await page.textContent(".info .title");
  process.stdout.write(JSON.stringify({ title, operations, status, complaints, requests }));
} finally {
  await browser.close();
}
