// Completion and documentation: from the catalogue of the server, and from the names of the program.
import { tokensOf } from "./imgql.js";
import { make } from "./elements.js";

const BOUND = /^\s*(?:let|load)\s+([\p{L}_][\p{L}\p{M}\p{N}_]*)\s*(\([^)]*\))?/gmu;

/** The names that a program binds: how often a name is bound, its last binding counts. */
export const boundNames = (text) => {
  const found = new Map();
  const lines = text.split("\n");
  for (const match of text.matchAll(BOUND)) {
    const line = text.slice(0, match.index + match[0].length).split("\n").length;
    const comments = [];
    for (let above = line - 2; above >= 0 && lines[above].trim().startsWith("//"); above -= 1) {
      comments.unshift(lines[above].trim().replace(/^\/+\s?/, ""));
    }
    found.set(match[1], {
      line,
      signature: lines[line - 1].trim(),
      documentation: comments.join("\n"),
      isFunction: Boolean(match[2]),
    });
  }
  return found;
};

const KINDS = { function: "function", value: "variable", keyword: "keyword", operator: "keyword" };

/** What may be written at a place, or null within comments and texts. */
export const complete = (context, catalogue) => {
  const line = context.state.doc.lineAt(context.pos);
  const column = context.pos - line.from;
  const around = tokensOf(line.text).find((each) => each.start < column && column <= each.start + each.text.length);
  if (around && ["comment", "string", "number"].includes(around.kind)) return null;
  const word = context.matchBefore(/[\p{L}_][\p{L}\p{M}\p{N}_.]*$/u);
  if (!word && !context.explicit) return null;
  const mine = boundNames(context.state.doc.toString());
  const options = [...mine].map(([label, each]) => ({
    label,
    type: each.isFunction ? "function" : "variable",
    detail: "of this program",
    info: each.documentation || each.signature,
    boost: 2,
  }));
  for (const each of catalogue.names) {
    if (!mine.has(each.name)) {
      options.push({
        label: each.name,
        type: KINDS[each.kind] ?? "variable",
        detail: each.signature,
        info: () => described(each),
        boost: each.name.includes(".") ? -20 : 0,
      });
    }
  }
  const known = new Set(options.map((each) => each.label));
  for (const label of catalogue.keywords) if (!known.has(label)) options.push({ label, type: "keyword" });
  return { from: word?.from ?? context.pos, options, validFor: /^[\p{L}\p{M}\p{N}_.]*$/u };
};

const described = (...entries) => {
  const box = make("div", { className: "documentation" });
  for (const each of entries) {
    if (each.signature) box.append(make("code", {}, each.signature));
    // The first paragraphs; the manual has all of it.
    for (const text of (each.documentation ?? "").split(/\n\s*\n/).slice(0, 6)) {
      box.append(/^\s*>>>/.test(text) ? make("pre", {}, text) : make("p", {}, text.replaceAll("``", "")));
    }
  }
  return box;
};

/** The documentation of the name or operator at a place, as a tooltip. */
export const documentation = (view, pos, keywords, catalogue) => {
  const line = view.state.doc.lineAt(pos);
  const token = tokensOf(line.text, keywords).find(
    (each) =>
      line.from + each.start <= pos &&
      pos <= line.from + each.start + each.text.length &&
      !/comment|string|number/.test(each.kind),
  );
  if (!token) return null;
  const own = boundNames(view.state.doc.toString()).get(token.text);
  const entries = own ? [own] : catalogue.names.filter((each) => each.name === token.text);
  if (!entries.length) return null;
  const from = line.from + token.start;
  return { pos: from, end: from + token.text.length, create: () => ({ dom: described(...entries) }) };
};
