/** Colours of lines, for the page's scripts and for drawings that stand alone. */

/** Okabe and Ito's palette, which the common forms of colour blindness keep apart; lighter on dark ground. */
export const palettes = {
  light: ["#0072b2", "#d55e00", "#009e73", "#b3568f", "#9a6d00", "#2f8fc4", "#555555"],
  dark: ["#4cb0f0", "#ff8b3d", "#2ec99c", "#e39ac6", "#f0b93a", "#9ad4ff", "#c8c8c8"],
} as const;
