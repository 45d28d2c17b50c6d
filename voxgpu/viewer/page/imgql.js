// The tokens of ImgQL, as `voxgpu/language/lexer.py` tells them apart, for the colors of the editor.
import { StreamLanguage } from "./codemirror/codemirror.js";

const COMMENT = /\/\/.*/y;
const STRING = /"(?:[^"\\]|\\.)*"?/y;
const NUMBER = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const VARIABLE = /\$[\p{L}_][\p{L}\p{M}\p{N}_]*/uy;
const WORD = /[\p{L}_][\p{L}\p{M}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{M}\p{N}_]*)?/uy;
const OPERATOR = /[#;:'.|!$%&/^=*+<>?@~\\-]+/y;
const CALL = /\s*\(/y;

/** Words that are values. */
const VALUES = new Set(["true", "false", "inf", "nan"]);

const matched = (pattern, text, start) => {
  pattern.lastIndex = start;
  return pattern.exec(text)?.[0] ?? "";
};

/** The kind of the token at a place of a line, and its length. */
export const tokenAt = (text, start, keywords) => {
  const comment = matched(COMMENT, text, start);
  if (comment) return ["comment", comment.length];
  const string = matched(STRING, text, start);
  if (string) return ["string", string.length];
  const number = matched(NUMBER, text, start);
  if (number) return ["number", number.length];
  const variable = matched(VARIABLE, text, start);
  if (variable) return ["variableName.special", variable.length];
  const word = matched(WORD, text, start);
  if (word) {
    const isCall = matched(CALL, text, start + word.length);
    const name = isCall ? "variableName.function" : "variableName";
    return [VALUES.has(word) ? "atom" : keywords.has(word) ? "keyword" : name, word.length];
  }
  // A comment may follow an operator without a blank.
  const operator = matched(OPERATOR, text, start).split("//")[0];
  return operator ? ["operator", operator.length] : [null, 1];
};

/** The tokens of a line: kind, start and text. */
export const tokensOf = (line, keywords = new Set()) => {
  const found = [];
  for (let start = 0; start < line.length;) {
    const [kind, length] = tokenAt(line, start, keywords);
    if (kind) found.push({ kind, start, text: line.slice(start, start + length) });
    start += length;
  }
  return found;
};

/** The language, given its words. */
export const imgql = (keywords) =>
  StreamLanguage.define({
    name: "imgql",
    languageData: { commentTokens: { line: "//" }, closeBrackets: { brackets: ["(", "[", '"'] } },
    token: (stream) => {
      if (stream.eatSpace()) return null;
      const [kind, length] = tokenAt(stream.string, stream.pos, keywords);
      stream.pos += length;
      return kind;
    },
  });
