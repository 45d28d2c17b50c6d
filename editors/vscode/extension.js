// Starts `voxgpu lsp` for ImgQL programs.

const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function activate() {
  const [command, ...args] = workspace.getConfiguration("imgql").get("command");
  const options = { documentSelector: [{ language: "imgql" }] };
  client = new LanguageClient("imgql", "ImgQL", { command, args }, options);
  return client.start();
}

function deactivate() {
  return client && client.stop();
}

module.exports = { activate, deactivate };
