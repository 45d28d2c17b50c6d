// The editor of programs: CodeMirror with the language, completion, documentation and keys.
import {
  EditorState,
  EditorView,
  autocompletion,
  bracketMatching,
  classHighlighter,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  defaultKeymap,
  drawSelection,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSelectionMatches,
  highlightSpecialChars,
  history,
  historyKeymap,
  hoverTooltip,
  keymap,
  lineNumbers,
  lintGutter,
  lintKeymap,
  searchKeymap,
  setDiagnostics,
  syntaxHighlighting,
} from "./codemirror/codemirror.js";
import { imgql, tokensOf } from "./imgql.js";
import { complete, documentation } from "./catalogue.js";

/** Offset of a line and a column, both from 1, columns in UTF-16; within the document. */
const offsetOf = (doc, line, column) => {
  const there = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return Math.min(there.from + Math.max(0, column - 1), there.to);
};

export class Editor {
  /** catalogue: keywords and names; events: `changed`, `moved`, `valueOf(token)`, `run`, `save`. */
  constructor(parent, catalogue, events) {
    this.keywords = new Set(catalogue.keywords);
    this.events = events;
    this.followed = [];
    const act = (action) => () => {
      action();
      return true;
    };
    const extensions = [
      lineNumbers(),
      highlightActiveLineGutter(),
      highlightSpecialChars(),
      history(),
      drawSelection(),
      bracketMatching(),
      closeBrackets(),
      highlightActiveLine(),
      highlightSelectionMatches(),
      lintGutter(),
      EditorView.lineWrapping,
      imgql(this.keywords),
      syntaxHighlighting(classHighlighter),
      autocompletion({ override: [(context) => complete(context, catalogue)] }),
      hoverTooltip((view, pos) => documentation(view, pos, this.keywords, catalogue)),
      // Tab leaves the editor, as from every control.
      keymap.of([
        { key: "Mod-Enter", run: act(() => events.run()) },
        { key: "Mod-s", run: act(() => events.save()) },
        { key: "Alt-Enter", run: act(() => this.askForValue()) },
        ...closeBracketsKeymap,
        ...defaultKeymap,
        ...searchKeymap,
        ...historyKeymap,
        ...completionKeymap,
        ...lintKeymap,
      ]),
      EditorView.contentAttributes.of({ "aria-label": "Program in ImgQL", spellcheck: "false" }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) {
          for (const each of this.followed) each.pos = update.changes.mapPos(each.pos, 1);
          events.changed(this);
        }
        if (update.docChanged || update.selectionSet) events.moved(this);
      }),
      EditorView.domEventHandlers({
        dblclick: (event, view) => {
          const pos = view.posAtCoords({ x: event.clientX, y: event.clientY });
          if (pos !== null) this.askForValue(pos);
          return false;
        },
      }),
    ];
    this.extensions = extensions;
    this.view = new EditorView({ parent, state: EditorState.create({ doc: "", extensions }) });
    // What scrolls can be reached by the keyboard, also where it has no cursor in it.
    this.view.scrollDOM.tabIndex = 0;
  }

  get text() {
    return this.view.state.doc.toString();
  }

  /** Another program, whose history begins here. */
  load(text) {
    this.view.setState(EditorState.create({ doc: text, extensions: this.extensions }));
    this.events.changed(this);
    this.events.moved(this);
  }

  get cursor() {
    return this.view.state.selection.main.head;
  }

  /** The token at an offset: kind, text, `from`, and the line from 1; null between tokens. */
  tokenAt(pos) {
    const line = this.view.state.doc.lineAt(pos);
    const column = pos - line.from;
    const token = tokensOf(line.text, this.keywords).find(
      (each) =>
        each.start <= column && column <= each.start + each.text.length && /variableName|number/.test(each.kind),
    );
    return token
      ? { ...token, from: line.from + token.start, to: line.from + token.start + token.text.length, line: line.number }
      : null;
  }

  /** The name at an offset, which may have a value. */
  nameAt(pos) {
    const token = this.tokenAt(pos);
    return token?.kind.startsWith("variableName") && !token.kind.endsWith("special") ? token : null;
  }

  askForValue(pos = this.cursor) {
    const name = this.nameAt(pos);
    if (name) this.events.valueOf({ name: name.text, pos: name.from });
  }

  lineOf(pos) {
    return this.view.state.doc.lineAt(Math.min(pos, this.view.state.doc.length)).number;
  }

  /** Keep the `pos` of these at their places while the text changes. */
  follow(places) {
    this.followed = places;
  }

  /** Put a text in the place of another. */
  replace(from, to, insert, userEvent) {
    this.view.dispatch({ changes: { from, to, insert }, selection: { anchor: from }, userEvent });
  }

  /** Show messages at their places. */
  showDiagnostics(diagnostics) {
    const doc = this.view.state.doc;
    const placed = diagnostics.map((each) => {
      const from = offsetOf(doc, each.line, each.column);
      const to = Math.max(from, offsetOf(doc, each.end_line ?? each.line, each.end_column ?? each.column));
      const text = each.help ? `${each.message}\n${each.help}` : each.message;
      return {
        from,
        to,
        severity: each.severity === "error" ? "error" : each.severity === "warning" ? "warning" : "info",
        message: text,
        source: each.code,
      };
    });
    this.view.dispatch(setDiagnostics(this.view.state, placed));
  }

  /** Put the cursor to a line and a column, both from 1. */
  moveTo(line, column) {
    const anchor = offsetOf(this.view.state.doc, line, column);
    this.view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
    this.view.focus();
  }
}
