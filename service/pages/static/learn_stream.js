// Server-sent events of a response body: EventSource hides status and body of an error response.
export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    waiting += value;
    let end;
    while ((end = waiting.search(/\r?\n\r?\n/)) >= 0) {
      const lines = waiting.slice(0, end).split(/\r?\n/);
      waiting = waiting.slice(end).replace(/^\r?\n\r?\n/, "");
      const values = (field) =>
        lines.filter((line) => line.startsWith(`${field}:`)).map((line) => line.slice(field.length + 1).trimStart());
      const data = values("data").join("\n");
      if (data) yield { name: values("event")[0] ?? "message", data };
    }
  }
}
