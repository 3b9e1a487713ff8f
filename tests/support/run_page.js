// What draw.html computes, without a browser: node run_page.js draw.html pictures.json
// pictures.json: {prepared: [784 numbers, ...], grey: [{rows, columns, pixels}, ...]}
// It prints the probabilities of the prepared pictures, and the grey ones prepared.
const fs = require("fs"), vm = require("vm");

const [page, pictures] = process.argv.slice(2).map((path) => fs.readFileSync(path, "utf8"));
const [, packed] = page.match(/<script type="application\/json" class="net">([^]*?)<\/script>/);
const [, script] = page.match(/<script>([^]*?)<\/script>/);
globalThis.document = { querySelectorAll: () => [] };
vm.runInThisContext(`${script}; globalThis.net = { unpack, probabilities, prepared };`);

globalThis.net.unpack(JSON.parse(packed)).then((net) => {
  const { prepared, grey } = JSON.parse(pictures);
  const { probabilities, prepared: made } = globalThis.net;
  console.log(JSON.stringify({
    probabilities: prepared.map((picture) => probabilities(net, picture)),
    prepared: grey.map(({ rows, columns, pixels }) => {
      const picture = made(net, pixels, rows, columns);
      return picture && Array.from(picture);
    }),
  }));
});
