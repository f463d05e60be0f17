import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./style/base.css";
import "./style/parts.css";
import "./style/charts.css";
import "./style/pages.css";
import { App } from "./app.js";
import { takeTokenFromAddress } from "./api/token.js";
import { readAddress } from "./lib/route.js";

takeTokenFromAddress();
readAddress();
const root = document.getElementById("app");
if (root) render(<App />, root);
