// The areas of one camera while they are edited: named polygons in fractions of the picture. No DOM here.

export const NAME = /^[a-z0-9-]{1,32}$/;
const LEAST = 3;

export class Shapes {
  constructor({ zones, masks }) {
    this.list = [];
    for (const [kind, areas] of [["zone", zones], ["mask", masks]]) {
      for (const [name, area] of Object.entries(areas)) {
        this.list.push({ kind, name, rest: area, polygon: area.polygon.map((point) => [...point]), dwell_ms: area.dwell_ms });
      }
    }
  }

  add(kind, polygon) {
    const taken = new Set(this.list.map((shape) => shape.name));
    let number = 1;
    while (taken.has(`${kind}-${number}`)) number += 1;
    const shape = { kind, name: `${kind}-${number}`, rest: {}, polygon, dwell_ms: kind === "zone" ? 2000 : undefined };
    this.list.push(shape);
    return shape;
  }

  remove(shape) {
    this.list = this.list.filter((known) => known !== shape);
  }

  /** Whether the shape's name is a word of the store file and no other of its kind has it. */
  named(shape) {
    return NAME.test(shape.name) && !this.list.some((other) => other !== shape && other.kind === shape.kind && other.name === shape.name);
  }

  /** As the API takes them. */
  areas() {
    const found = { zones: {}, masks: {} };
    for (const { kind, name, rest, polygon, dwell_ms } of this.list) {
      found[`${kind}s`][name] = kind === "mask" ? { polygon } : { ...rest, polygon, ...(dwell_ms === undefined ? {} : { dwell_ms }) };
    }
    return found;
  }
}

export function round(point) {
  return point.map((part) => Math.round(Math.min(1, Math.max(0, part)) * 1000) / 1000);
}

/** Put a corner in the middle of the longest side; return its place in the polygon. */
export function splitLongest(polygon) {
  let longest = 0;
  let at = 0;
  polygon.forEach(([x, y], index) => {
    const [u, v] = polygon[(index + 1) % polygon.length];
    const length = Math.hypot(u - x, v - y);
    if (length > longest) [longest, at] = [length, index];
  });
  const [x, y] = polygon[at];
  const [u, v] = polygon[(at + 1) % polygon.length];
  polygon.splice(at + 1, 0, round([(x + u) / 2, (y + v) / 2]));
  return at + 1;
}

/** Take a corner away; false where the area would not be one any more. */
export function removeCorner(polygon, index) {
  if (polygon.length <= LEAST) return false;
  polygon.splice(index, 1);
  return true;
}
