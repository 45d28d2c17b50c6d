// Opening and saving of programs: files of the opened folders only.
import { encoded, get, put, textOf } from "./requests.js";
import { find, make } from "./elements.js";

/** A first program for a case: what is bright on its first image. */
export const example = (source) => {
  const file = Object.values(source?.layers ?? {})[0];
  if (!file) return '// Open a case, then load one of its images:\n// load v = "$CASE/image.nii.gz"\n';
  const below = file.startsWith(`${source.id}/`) ? file.slice(source.id.length + 1) : file.split("/").at(-1);
  const label = Object.keys(source.layers)[0].replace(/\W+/g, "_");
  const name = /^[a-z]\w*$/.test(label) && label !== "bright" ? label : "image";
  return `// $CASE is the folder of the case, $NAME its name.
load ${name} = "$CASE/${below.replaceAll(source.name, "${NAME}")}"

let f = intensity(${name})
let bright = f >. (0.8 .*. max(f))

print "volume" volume(bright)
save "bright.nii.gz" bright
`;
};

export class Programs {
  /** `opened` is called when another program is in the editor. */
  constructor(editor, dataset, opened) {
    Object.assign(this, { editor, dataset, opened, file: null, digest: null, saved: "" });
    this.select = find("programs");
    this.select.addEventListener("input", () => this.open(this.select.value));
    find("save").addEventListener("click", () => this.save());
    find("save-as").addEventListener("submit", (event) => {
      event.preventDefault();
      this.saveAs(find("save-name").value.trim());
    });
    window.addEventListener("beforeunload", (event) => {
      if (this.isChanged) event.preventDefault();
    });
    this.list();
  }

  get isChanged() {
    return this.editor.text !== this.saved;
  }

  list() {
    const options = this.dataset.programs.map((id) =>
      make("option", { value: id, selected: id === this.file }, id.split("/").slice(1).join("/")),
    );
    this.select.replaceChildren(make("option", { value: "", selected: !this.file }, "new program"), ...options);
    const roots = this.dataset.roots;
    find("save-root").replaceChildren(...roots.map((each) => make("option", { value: each.id }, each.label)));
    find("save-root").parentElement.hidden = roots.length < 2;
  }

  tell(text) {
    find("program-status").textContent = text;
  }

  /** Open a program, or begin a new one. */
  async open(file, text = "") {
    if (this.isChanged && !window.confirm("The program has changes that are not saved. Leave them?")) {
      this.select.value = this.file ?? "";
      return;
    }
    try {
      const read = file ? await get(`api/programs/${encoded(file)}`) : { text, digest: null };
      Object.assign(this, { file: file || null, digest: read.digest, saved: read.text });
      this.editor.load(read.text);
      this.select.value = this.file ?? "";
      this.tell("");
      this.opened();
    } catch (error) {
      this.select.value = this.file ?? "";
      this.tell(textOf(error));
    }
  }

  /** Say whether there are changes that are not saved. */
  programChanged() {
    find("save").disabled = !this.isChanged;
    find("changed").hidden = !this.isChanged;
  }

  save() {
    if (this.file) return this.write(this.file, this.digest);
    const form = find("save-details");
    form.open = true;
    find("save-name").focus();
    return null;
  }

  saveAs(name) {
    if (!name) return null;
    const file = `${find("save-root").value}/${name.endsWith(".imgql") ? name : `${name}.imgql`}`;
    return this.write(file, file === this.file ? this.digest : null);
  }

  async write(file, digest) {
    const text = this.editor.text;
    try {
      const written = await put(`api/programs/${encoded(file)}`, { text, digest });
      Object.assign(this, { file, digest: written.digest, saved: text });
      if (!this.dataset.programs.includes(file)) this.dataset.programs.push(file);
      this.list();
      find("save-details").open = false;
      this.tell(`saved ${file.split("/").slice(1).join("/")}`);
    } catch (error) {
      this.tell(error.status === 409 ? `not saved: ${textOf(error)}` : textOf(error));
    }
    this.programChanged();
  }
}
