// A small made-up town for the fake server: streets on a grid, a river, parks, buildings, names.
const KM_X = 1 / (111.32 * Math.cos((40 * Math.PI) / 180)), KM_Y = 1 / 110.57;
export const CENTER = [-30, 40];
export const at = (x, y) => [CENTER[0] + x * KM_X, CENTER[1] + y * KM_Y];

const feature = (type, coordinates, properties) => ({ type: 'Feature', properties, geometry: { type, coordinates } });
const bend = x => 0.5 + 0.6 * Math.sin(x * 0.6);
const classOf = k => (k % 10 === 0 ? 'primary' : k % 5 === 0 ? 'secondary' : 'local');

export const ROADS = [];
for (let k = -30; k <= 30; k++) {
  const p = k * 0.18, line = [];
  for (let q = -6; q <= 6; q += 0.3) line.push([q, p + 0.12 * Math.sin(q + p)]);
  ROADS.push({ class: classOf(k), points: line }, { class: classOf(k), points: line.map(([x, y]) => [y, x]) });
}
const ring = [];
for (let a = 0; a <= 64; a++) ring.push([4 * Math.cos(a * 0.09817), 3.4 * Math.sin(a * 0.09817)]);
ROADS.push({ class: 'motorway', points: ring });

export function basemap() {
  const features = ROADS.map(r => feature('LineString', r.points.map(p => at(...p)), { kind: 'road', class: r.class }));
  features.push(feature('LineString', [[-6, -2], [0, -1.6], [6, -2.4]].map(p => at(...p)), { kind: 'road', class: 'rail' }));
  const north = [], south = [];
  for (let x = -12; x <= 12; x += 0.2) {
    north.push(at(x, bend(x) + 0.16));
    south.push(at(x, bend(x) - 0.16));
  }
  features.push(feature('Polygon', [[...north, ...south.reverse(), north[0]]], { kind: 'water' }));
  features.push(feature('Polygon', [[at(-40, -30), at(-5.4, -30), at(-5.2, 0), at(-5.8, 30), at(-40, 30), at(-40, -30)]], { kind: 'water' }));
  for (const [x, y, r] of [[-2, 2.6, 0.7], [2.4, -2.2, 0.6]]) {
    const edge = Array.from({ length: 33 }, (_, a) => at(x + r * Math.cos(a * 0.19635), y + 0.7 * r * Math.sin(a * 0.19635)));
    features.push(feature('Polygon', [edge], { kind: 'park' }));
  }
  for (let i = -8; i < 8; i++) for (let j = -8; j < 8; j++) {
    const x = i * 0.18 + 0.03, y = j * 0.18 + 0.03;
    features.push(feature('Polygon', [[at(x, y), at(x + 0.1, y), at(x + 0.1, y + 0.1), at(x, y + 0.1), at(x, y)]], { kind: 'building' }));
  }
  for (const [name, x, y, rank] of [['Testhaven', 0, 0, 0], ['Centrum', 0.4, -0.7, 1], ['Northgate', -0.6, 3.4, 1], ['Eastbank', 3.2, 1.4, 1], ['Old Mill', 1.2, 2.2, 2], ['River Aune', 2.4, bend(2.4), -2], ['Western Sea', -7, 1, -1]]) {
    features.push(feature('Point', at(x, y), { kind: 'place', name, rank }));
  }
  return { type: 'FeatureCollection', features };
}
