import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { deviceName, offerCamera, problemOf } from "../../../static/cases/camera.js";

test("each reason why a camera does not start has its sentence, and an unknown one the general", () => {
  assert.equal(problemOf("NotAllowedError"), "refused");
  assert.equal(problemOf("NotFoundError"), "none");
  assert.equal(problemOf("OverconstrainedError"), "none");
  assert.equal(problemOf("NotReadableError"), "busy");
  assert.equal(problemOf("AbortError"), "failed");
});

test("a camera without a name is called by its number", () => {
  assert.equal(deviceName("Axiocam", 0, "camera"), "Axiocam");
  assert.equal(deviceName("", 1, "camera"), "camera 2");
});

const NAMES = ["open", "panel", "devices", "message", "video", "still", "capture", "use", "retake"];
let cameras; // what was asked for, each with what gives it

beforeEach(() => {
  cameras = [];
  const getUserMedia = () => new Promise((give, refuse) => { cameras.push({ give, refuse }); });
  const mediaDevices = { addEventListener() {}, enumerateDevices: async () => [], getUserMedia };
  Object.defineProperty(globalThis, "navigator", { value: { mediaDevices }, configurable: true });
  globalThis.window = { addEventListener() {} };
});

function panel() {
  const part = (name) => ({
    dataset: { part: name }, hidden: name === "panel", listeners: {}, srcObject: null, value: "second", textContent: "",
    addEventListener(event, listener) { this.listeners[event] = listener; },
    setAttribute() {}, removeAttribute() {}, replaceChildren() {}, play: async () => {},
  });
  const parts = Object.fromEntries(NAMES.map((name) => [name, part(name)]));
  offerCamera({ dataset: { failed: "It did not start." }, querySelectorAll: () => Object.values(parts) }, () => {});
  return parts;
}

function stream() {
  const track = { running: true, stop() { this.running = false; }, addEventListener() {}, getSettings: () => ({}) };
  return { track, getTracks: () => [track], getVideoTracks: () => [track] };
}

const settled = () => new Promise((done) => { setTimeout(done, 5); });

test("a camera that is allowed after its panel was closed is switched off", async () => {
  const parts = panel();
  parts.open.listeners.click();
  parts.open.listeners.click();
  const opened = stream();
  cameras[0].give(opened);
  await settled();
  assert.equal(opened.track.running, false);
  assert.equal(parts.video.srcObject, null);
  assert.equal(parts.capture.disabled, true);
});

test("of two cameras that were chosen one after the other the last one runs, whichever comes first", async () => {
  const parts = panel();
  parts.open.listeners.click();
  parts.devices.listeners.change();
  const [first, second] = [stream(), stream()];
  cameras[1].give(second);
  await settled();
  cameras[0].give(first);
  await settled();
  assert.deepEqual([first.track.running, second.track.running], [false, true]);
  assert.equal(parts.video.srcObject, second);
});

test("a camera that is refused after its panel was closed is not told of", async () => {
  const parts = panel();
  parts.open.listeners.click();
  parts.open.listeners.click();
  cameras[0].refuse(new DOMException("no", "AbortError"));
  await settled();
  assert.notEqual(parts.message.textContent, "It did not start.");
});
