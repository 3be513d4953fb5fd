import { expect, test } from "vitest";
import { answerLength } from "./http-connection.ts";
import { httpRequest } from "./load-job.ts";

const length = (text: string) => answerLength(Buffer.from(text, "latin1"));

test("the end of an answer is found by its length or its last chunk", () => {
  const sized = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nok";
  expect(length(sized)).toBe(sized.length);
  expect(length(sized.slice(0, 30))).toBeNull();
  expect(length(sized.slice(0, -1))).toBe(sized.length);
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
  expect(length(chunked)).toBe(chunked.length);
  expect(length(chunked.slice(0, -2))).toBeNull();
  const empty = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  expect(length(empty)).toBe(empty.length);
});

test("a request says how long its body is", () => {
  expect(httpRequest("GET", "/bare")).toBe("GET /bare HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  expect(httpRequest("POST", "/x", { bearer: "t", json: { a: 1 } })).toBe(
    'POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer t\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}',
  );
});
