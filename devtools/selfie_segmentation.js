// Stand-in: Debian's build leaves MediaPipe's selfie_segmentation.js out.
// It is only used to blur the camera's background in a video call.
window.SelfieSegmentation = class {
  setOptions() {}
  onResults() {}
  reset() {}
  async initialize() {}
  async send() {
    throw new Error("Background blur is not part of this build of Odoo");
  }
  async close() {}
};
