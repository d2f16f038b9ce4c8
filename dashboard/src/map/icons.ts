// One small picture holds the shapes: state is told by shape as well as by colour. deck.gl tints it.
import { Shape } from '../data/fleet';

const SIZE = 64;

export function iconAtlas(): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = SIZE * 4;
  canvas.height = SIZE;
  const g = canvas.getContext('2d')!;
  g.fillStyle = g.strokeStyle = '#fff';
  arrow(g, Shape.moving * SIZE);
  g.fillRect(Shape.idle * SIZE + 18, 18, 28, 28);
  g.lineWidth = 8;
  g.beginPath();
  g.arc(Shape.stale * SIZE + 32, 32, 15, 0, 7);
  g.stroke();
  g.beginPath();
  g.arc(Shape.sensor * SIZE + 32, 32, 14, 0, 7);
  g.fill();
  return canvas;
}

function arrow(g: CanvasRenderingContext2D, x: number): void {
  g.beginPath();
  g.moveTo(x + 32, 4);
  g.lineTo(x + 54, 58);
  g.lineTo(x + 32, 46);
  g.lineTo(x + 10, 58);
  g.closePath();
  g.fill();
}

export const ICON_MAPPING = Object.fromEntries(
  [Shape.moving, Shape.idle, Shape.stale, Shape.sensor].map(s => [s, { x: s * SIZE, y: 0, width: SIZE, height: SIZE, mask: true }]),
);
