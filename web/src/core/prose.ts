// Sentences of the API, in which code stands between backticks.

export interface Part {
  text: string;
  code: boolean;
}

export function richOf(sentence: string): Part[] {
  return sentence
    .split("`")
    .map((text, place) => ({ text, code: place % 2 === 1 }))
    .filter((part) => part.text !== "");
}
