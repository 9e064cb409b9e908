// The microscope camera: any device that the browser lists. A picture goes into the queue like a file that was chosen.

const PROBLEMS = { NotAllowedError: "refused", NotFoundError: "none", OverconstrainedError: "none", NotReadableError: "busy" };

/** Return which of the page's sentences tells why a camera did not start. */
export function problemOf(errorName) {
  return PROBLEMS[errorName] || "failed";
}

/** Return what a camera is called: its own name, which browsers keep back until a camera was allowed, or its number. */
export function deviceName(label, place, word) {
  return label || `${word} ${place + 1}`;
}

/** Let a person take pictures; `add` gets each as a file. */
export function offerCamera(camera, add) {
  const parts = Object.fromEntries([...camera.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  const words = camera.dataset;
  let stream = null;
  let starts = 0; // a camera that comes after the panel was closed, or after another was chosen, is not wanted any more
  let shot = null;
  let shots = 0;

  function tell(text) {
    parts.message.textContent = text || "";
  }

  function release(opened) {
    for (const track of opened.getTracks()) track.stop();
  }

  function stop() {
    starts += 1;
    if (stream) release(stream);
    stream = null;
    parts.video.srcObject = null;
  }

  function showShot(blob) {
    // Either the live picture or the one just taken, never both.
    shot = blob;
    if (parts.still.src) URL.revokeObjectURL(parts.still.src);
    parts.still.hidden = !blob;
    parts.video.hidden = Boolean(blob);
    if (blob) parts.still.src = URL.createObjectURL(blob); else parts.still.removeAttribute("src");
    parts.capture.hidden = Boolean(blob);
    for (const name of ["use", "retake"]) parts[name].hidden = !blob;
  }

  async function list(chosen) {
    const devices = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
    parts.devices.replaceChildren(...devices.map((device, place) => {
      const option = new Option(deviceName(device.label, place, words.word), device.deviceId);
      option.selected = device.deviceId === chosen;
      return option;
    }));
  }

  async function start(device) {
    stop();
    const number = starts;
    showShot(null);
    parts.capture.disabled = true;
    tell(words.starting);
    if (!navigator.mediaDevices) { tell(words.insecure); return; }
    try {
      // As many pixels as the camera has: a microscope camera that is asked for nothing sends 640 x 480.
      const size = { width: { ideal: 4096 }, height: { ideal: 3072 } };
      const video = device ? { deviceId: { exact: device }, ...size } : size;
      const opened = await navigator.mediaDevices.getUserMedia({ video });
      if (number !== starts) { release(opened); return; }
      stream = opened;
      const [track] = stream.getVideoTracks();
      track.addEventListener("ended", () => { stop(); parts.capture.disabled = true; tell(words.unplugged); });
      parts.video.srcObject = stream;
      await parts.video.play();
      if (number !== starts) return;
      parts.capture.disabled = false;
      tell("");
      await list(track.getSettings().deviceId);
    } catch (error) {
      if (number !== starts) return;
      stop();
      tell(words[problemOf(error.name)]);
    }
  }

  parts.open.addEventListener("click", () => {
    const opening = parts.panel.hidden;
    parts.panel.hidden = !opening;
    parts.open.setAttribute("aria-expanded", String(opening));
    if (opening) start(); else { stop(); showShot(null); }
  });
  parts.devices.addEventListener("change", () => start(parts.devices.value));
  parts.capture.addEventListener("click", () => {
    const canvas = document.createElement("canvas");
    canvas.width = parts.video.videoWidth;
    canvas.height = parts.video.videoHeight;
    canvas.getContext("2d").drawImage(parts.video, 0, 0);
    canvas.toBlob((blob) => { showShot(blob); parts.use.focus(); }, "image/png");
  });
  parts.retake.addEventListener("click", () => { showShot(null); parts.capture.focus(); });
  parts.use.addEventListener("click", () => {
    shots += 1;
    add([new File([shot], `${words.word} ${shots}.png`, { type: "image/png" })]);
    showShot(null);
    parts.capture.focus();
  });
  if (navigator.mediaDevices) {
    navigator.mediaDevices.addEventListener("devicechange", () => { if (stream) list(parts.devices.value); });
  }
  window.addEventListener("pagehide", stop);
  // A picture that was taken and not used yet is unsent work too.
  window.addEventListener("beforeunload", (event) => { if (shot) event.preventDefault(); });
  camera.hidden = false;
}
