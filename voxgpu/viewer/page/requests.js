// Requests to the server. Addresses are relative to the page, whose address has the token in it.

/** What a request failed with: a message, what to try, and the answer of the server. */
export class RequestError extends Error {
  constructor(message, advice = "", status = 0, answer = {}) {
    super(message);
    this.advice = advice;
    this.status = status;
    this.answer = answer;
  }

  /** The message with the advice. */
  get text() {
    return this.advice ? `${this.message}; ${this.advice}` : this.message;
  }
}

/** The text of anything that was thrown. */
export const textOf = (error) => error.text ?? error.message ?? String(error);

/** The address of an id of a file or a case: each part of its path is encoded. */
export const encoded = (id) => id.split("/").map(encodeURIComponent).join("/");

const send = async (method, path, body, signal) => {
  const headers = { "X-Voxgpu": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal,
      cache: "no-store",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestError("the server does not answer", "look whether `voxgpu view` is still running");
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  const first = answer.diagnostics?.[0];
  const message = answer.error ?? first?.message ?? `the server answered with status ${response.status}`;
  throw new RequestError(message, answer.try ?? first?.help ?? "", response.status, answer);
};

const json = async (sent) => {
  const response = await sent;
  return response.status === 204 ? {} : response.json();
};

export const get = (path, signal) => json(send("GET", path, undefined, signal));
export const post = (path, body, signal) => json(send("POST", path, body, signal));
export const put = (path, body) => json(send("PUT", path, body));
export const remove = (path) => send("DELETE", path);

/** The bytes of a file, unpacked if it is compressed. */
export const bytes = async (path, signal) => {
  const response = await send("GET", path, undefined, signal);
  const packed = await response.arrayBuffer();
  const start = new Uint8Array(packed, 0, Math.min(2, packed.byteLength));
  if (start[0] !== 0x1f || start[1] !== 0x8b) return packed;
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
};
