// What the reading page's picture is drawn from, as the page brings it along.

const NOTHING = { boxes: [], parts: [], gone: [], types: [], maps: {}, methods: {}, weights: {}, outlines: {}, cell: 0 };

/** Return what a page's picture is drawn from; a blind reader's page brings little more than the picture. */
export function stageOf(text) {
  return { ...NOTHING, ...JSON.parse(text) };
}
