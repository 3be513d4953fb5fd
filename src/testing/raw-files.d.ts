/** A file's text, as Vite imports it into a test that runs where there is no file system. */
declare module "*?raw" {
  const text: string;
  export default text;
}
