import type { Theme } from '../data/colours';

export interface Palette {
  land: string; sea: string; border: string; water: string; shore: string; park: string; building: string;
  buildingEdge: string; casing: string; local: string; secondary: string; primary: string; motorway: string;
  rail: string; label: string; minorLabel: string; waterLabel: string; halo: string;
}

export const PALETTE: Record<Theme, Palette> = {
  dark: {
    land: '#11181f', sea: '#0a1a27', border: '#2a3947', water: '#0a2030', shore: '#123047', park: '#12241f',
    building: '#18212a', buildingEdge: '#1f2a35', casing: '#0d1319', local: '#212d38', secondary: '#2b3a48',
    primary: '#35495a', motorway: '#4a6076', rail: '#2a3440', label: '#a9b9c8', minorLabel: '#7f91a2',
    waterLabel: '#5d97ba', halo: '#0b1117',
  },
  light: {
    land: '#f3f1ec', sea: '#c3d9e7', border: '#b9b3a8', water: '#bcd6e6', shore: '#a5c4d8', park: '#d6e6cf',
    building: '#e6e2d9', buildingEdge: '#d9d4c9', casing: '#d3cec3', local: '#ffffff', secondary: '#ffffff',
    primary: '#fffdf6', motorway: '#f6dfae', rail: '#c4c0b8', label: '#3b4650', minorLabel: '#5f6a74',
    waterLabel: '#3f6f8d', halo: '#ffffff',
  },
};
