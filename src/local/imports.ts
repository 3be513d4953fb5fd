/** One import as written in a source file. `line` counts from 1. */
export interface Import {
  specifier: string;
  line: number;
  /** Erased before the code runs. `import { type A }` is not: under verbatimModuleSyntax it still loads the module. */
  typeOnly: boolean;
}

interface Token {
  kind: "word" | "string" | "template" | "punctuation";
  text: string;
  line: number;
}

/** After these a slash begins a regular expression; after any other word, a division. */
const BEFORE_REGEXP = new Set(
  "return typeof case in of delete void throw new else do instanceof yield await default".split(" "),
);

// Blank, comments, words and numbers, strings (which end at the line's end if nobody closed them), then anything else.
const PIECE =
  /(\s+|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|([\p{ID_Start}$_#\d][\p{ID_Continue}$\u200c\u200d]*)|("(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?)|([\s\S])/uy;
const REGEXP = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
const TEMPLATE_TEXT = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(`|\$\{|$)/y;

/** Splits TypeScript (no JSX) into tokens without comments; a regular expression counts as a template: an opaque value. */
function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  const braces: ("{" | "${")[] = [];
  let position = 0;
  let line = 1;

  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const match = pattern.exec(source);
    if (match === null) return null;
    position = pattern.lastIndex;
    return match;
  };
  const push = (kind: Token["kind"], text: string) => tokens.push({ kind, text, line });
  const countLines = (text: string) => {
    for (const char of text) if (char === "\n") line += 1;
  };
  const template = () => {
    const match = take(TEMPLATE_TEXT);
    const text = match?.[0] ?? "";
    push("template", match?.[1] === "`" ? text.slice(0, -1) : text);
    if (match?.[1] === "${") braces.push("${");
    countLines(text);
  };

  while (position < source.length) {
    if (
      source[position] === "/" &&
      beginsRegExp(tokens.at(-1)) &&
      !/^\/[/*]/.test(source.slice(position, position + 2))
    ) {
      const match = take(REGEXP);
      if (match !== null) {
        push("template", match[0]);
        continue;
      }
    }
    const [text = "", blank, word, string] = take(PIECE) ?? [source[position++]];
    if (word !== undefined) push("word", word);
    else if (string !== undefined) push("string", string.slice(1, -1));
    else if (blank === undefined) {
      if (text === "`") template();
      else if (text === "}" && braces.pop() === "${") template();
      else {
        if (text === "{") braces.push("{");
        push("punctuation", text);
      }
    }
    if (blank !== undefined || string !== undefined) countLines(text);
  }
  return tokens;
}

function beginsRegExp(previous: Token | undefined): boolean {
  if (previous === undefined) return true;
  if (previous.kind === "word") return BEFORE_REGEXP.has(previous.text);
  return previous.kind === "punctuation" && !")]}".includes(previous.text);
}

/** Every static and dynamic import and re-export of a source text whose target is a plain string. */
export function importsOf(source: string): Import[] {
  const tokens = tokenize(source);
  const found: Import[] = [];
  tokens.forEach((token, index) => {
    const before = tokens[index - 1]?.text;
    if (token.kind !== "word" || (before === "." && tokens[index - 2]?.text !== ".")) return;
    const next = tokens[index + 1];
    const afterNext = tokens[index + 2];
    const add = (target: Token | undefined, typeOnly: boolean) => {
      if (target?.kind === "string" || (target?.kind === "template" && !target.text.endsWith("${")))
        found.push({ specifier: target.text, line: token.line, typeOnly });
    };
    if (token.text === "import") {
      if (next?.kind === "string") add(next, false);
      else if (next?.text === "(") add(afterNext, isTypeExpression(tokens, index));
      else if (next?.kind === "word" || next?.text === "{" || next?.text === "*")
        add(fromTarget(tokens, index + 1), next.text === "type" && !["from", ","].includes(afterNext?.text ?? ""));
    } else if (token.text === "export") {
      const typeOnly = next?.text === "type";
      const opening = typeOnly ? afterNext?.text : next?.text;
      if (opening === "{" || opening === "*") add(fromTarget(tokens, index + (typeOnly ? 2 : 1)), typeOnly);
    }
  });
  return found;
}

/** `typeof import("x")` and `import("x").Name` are types; `import("x")` and `import("x").then` load the module. */
function isTypeExpression(tokens: readonly Token[], index: number): boolean {
  if (tokens[index - 1]?.text === "typeof") return true;
  const member = tokens[index + 5]?.text ?? "";
  return tokens[index + 3]?.text === ")" && tokens[index + 4]?.text === "." && !/^(then|catch|finally)$/.test(member);
}

/** The string after the clause that starts at `start`: names, one group in braces, `* as name`, then `from`. */
function fromTarget(tokens: readonly Token[], start: number): Token | undefined {
  let depth = 0;
  for (let index = start; index < tokens.length; index++) {
    const token = tokens[index];
    if (token?.text === "{") depth += 1;
    else if (token?.text === "}") depth -= 1;
    else if (depth > 0) continue;
    else if (token?.text === "from" && tokens[index + 1]?.kind === "string") return tokens[index + 1];
    else if (token?.kind !== "word" && token?.text !== "," && token?.text !== "*") return undefined;
  }
  return undefined;
}
