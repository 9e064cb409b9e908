// The microscope camera: any device that the browser lists. A picture goes into the queue like a file that was chosen.
const camera = document.querySelector("[data-camera]");
const cameraParts = Object.fromEntries([...camera.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
const cameraWords = camera.dataset;
let stream = null;
let shot = null;
let shots = 0;

function say(text) {
  cameraParts.message.textContent = text || "";
}

function stopCamera() {
  if (stream) for (const track of stream.getTracks()) track.stop();
  stream = null;
  cameraParts.video.srcObject = null;
}

function showShot(blob) {
  // Either the live picture or the one just taken, never both.
  shot = blob;
  if (cameraParts.still.src) URL.revokeObjectURL(cameraParts.still.src);
  cameraParts.still.hidden = !blob;
  cameraParts.video.hidden = Boolean(blob);
  if (blob) cameraParts.still.src = URL.createObjectURL(blob); else cameraParts.still.removeAttribute("src");
  cameraParts.capture.hidden = Boolean(blob);
  for (const name of ["use", "retake"]) cameraParts[name].hidden = !blob;
}

async function startCamera(device) {
  stopCamera();
  showShot(null);
  cameraParts.capture.disabled = true;
  say(cameraWords.starting);
  if (!navigator.mediaDevices) { say(cameraWords.insecure); return; }
  try {
    // As many pixels as the camera has: a microscope camera that is asked for nothing sends 640 x 480.
    const size = { width: { ideal: 4096 }, height: { ideal: 3072 } };
    stream = await navigator.mediaDevices.getUserMedia({ video: device ? { deviceId: { exact: device }, ...size } : size });
    const [track] = stream.getVideoTracks();
    track.addEventListener("ended", () => { stopCamera(); cameraParts.capture.disabled = true; say(cameraWords.unplugged); });
    cameraParts.video.srcObject = stream;
    await cameraParts.video.play();
    cameraParts.capture.disabled = false;
    say("");
    await listCameras(track.getSettings().deviceId);
  } catch (error) {
    stopCamera();
    const reasons = { NotAllowedError: "refused", NotFoundError: "none", OverconstrainedError: "none", NotReadableError: "busy" };
    say(cameraWords[reasons[error.name] || "failed"]);
  }
}

async function listCameras(chosen) {
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
  cameraParts.devices.replaceChildren(...devices.map((device, index) => {
    const option = new Option(device.label || `${cameraWords.word} ${index + 1}`, device.deviceId);
    option.selected = device.deviceId === chosen;
    return option;
  }));
}

cameraParts.open.addEventListener("click", () => {
  const opening = cameraParts.panel.hidden;
  cameraParts.panel.hidden = !opening;
  cameraParts.open.setAttribute("aria-expanded", String(opening));
  if (opening) startCamera(); else { stopCamera(); showShot(null); }
});
cameraParts.devices.addEventListener("change", () => startCamera(cameraParts.devices.value));
cameraParts.capture.addEventListener("click", () => {
  const canvas = document.createElement("canvas");
  canvas.width = cameraParts.video.videoWidth;
  canvas.height = cameraParts.video.videoHeight;
  canvas.getContext("2d").drawImage(cameraParts.video, 0, 0);
  canvas.toBlob((blob) => { showShot(blob); cameraParts.use.focus(); }, "image/png");
});
cameraParts.retake.addEventListener("click", () => { showShot(null); cameraParts.capture.focus(); });
cameraParts.use.addEventListener("click", () => {
  shots += 1;
  add([new File([shot], `${cameraWords.word} ${shots}.png`, { type: "image/png" })]);
  showShot(null);
  cameraParts.capture.focus();
});
if (navigator.mediaDevices) {
  navigator.mediaDevices.addEventListener("devicechange", () => { if (stream) listCameras(cameraParts.devices.value); });
}
window.addEventListener("pagehide", stopCamera);
// A picture that was taken and not used yet is unsent work too.
window.addEventListener("beforeunload", (event) => { if (shot) event.preventDefault(); });
camera.hidden = false;
