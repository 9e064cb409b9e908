// The views of a picture and its maps, loaded and coloured once.
import { coloured, gridOf, mapSize, methodShown, palette } from "./evidence.js";

export class Pictures {
  /** `data`: of the page (stage.js); `loaded` is called for every view that has come. */
  constructor(data, loaded) {
    Object.assign(this, { data, loaded, views: new Map(), maps: new Map(), colours: palette(data.inferno) });
  }

  /** Return a view as an image, which is asked for now where it never was, and may not have come yet. */
  view(name) {
    if (!this.views.has(name)) {
      const image = new Image();
      image.addEventListener("load", this.loaded);
      image.src = this.data.views[name];
      this.views.set(name, image);
    }
    return this.views.get(name);
  }

  /** Return the map of a class by a method, or by the one that there is, as a canvas. */
  map(label, method) {
    const name = `${methodShown(this.data, label, method)} ${label}`;
    if (!this.maps.has(name)) {
      const size = mapSize(this.data);
      const canvas = Object.assign(document.createElement("canvas"), size);
      const image = new ImageData(size.width, size.height);
      new Uint32Array(image.data.buffer).set(coloured(gridOf(this.data, label, method), size, this.colours));
      canvas.getContext("2d").putImageData(image, 0, 0);
      this.maps.set(name, canvas);
    }
    return this.maps.get(name);
  }
}
