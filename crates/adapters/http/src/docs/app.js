// Shows the OpenAPI document: operations by tag, with their parameters, bodies and answers.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

// Makes an element; text is only ever text, never markup.
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}

function refName(ref) {
  return ref.split("/").pop();
}

// A short name of a schema for tables.
function brief(schema) {
  if (!schema) return "";
  if (schema.$ref) return refName(schema.$ref);
  if (schema.oneOf || schema.anyOf) return (schema.oneOf || schema.anyOf).map(brief).join(" or ");
  if (schema.allOf) return schema.allOf.map(brief).join(" and ");
  if (schema.type === "array") return "list of " + brief(schema.items);
  const type = [].concat(schema.type || "any JSON value").join(" or ");
  const limits = ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "format", "default"]
    .filter((name) => schema[name] !== undefined)
    .map((name) => name + " " + schema[name]);
  return limits.length ? type + " (" + limits.join(", ") + ")" : type;
}

function table(head, rows) {
  if (!rows.length) return null;
  return el("table", {},
    el("thead", {}, el("tr", {}, head.map((text) => el("th", {}, text)))),
    el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell))))));
}

function link(schema) {
  const ref = schema && schema.$ref;
  return ref ? el("a", { href: "#schema-" + refName(ref) }, refName(ref)) : brief(schema);
}

function bodies(content) {
  return Object.entries(content || {}).map(([type, media]) => el("div", {}, el("code", {}, type), " ", link(media.schema)));
}

function parameters(operation) {
  const rows = (operation.parameters || []).map((p) => [
    el("code", {}, p.name), p.in + (p.required ? ", required" : ""), brief(p.schema), p.description || "",
  ]);
  return table(["Parameter", "In", "Type", "What"], rows);
}

function answers(operation) {
  const rows = Object.entries(operation.responses || {}).map(([status, answer]) => [
    status, answer.description || "", el("div", {}, bodies(answer.content)),
  ]);
  return table(["Status", "What", "Body"], rows);
}

function showOperation(path, method, operation) {
  const body = operation.requestBody;
  return el("details", { id: operation.operationId },
    el("summary", {}, el("span", { class: "method" }, method.toUpperCase()), el("code", {}, path), " ", operation.summary || ""),
    el("p", {}, operation.description || ""),
    operation.security ? null : el("p", {}, "No sign-in."),
    parameters(operation),
    body ? el("div", {}, el("h4", {}, "Body"), bodies(body.content)) : null,
    el("h4", {}, "Answers"), answers(operation));
}

function showSchema(name, schema) {
  const parts = [schema, ...(schema.allOf || [])];
  const required = parts.flatMap((part) => part.required || []);
  const rows = parts.flatMap((part) => Object.entries(part.properties || {})).map(([field, value]) => [
    el("code", {}, field), required.includes(field) ? "always" : "optional", link(value), value.description || "",
  ]);
  return el("details", { id: "schema-" + name },
    el("summary", {}, el("code", {}, name), " ", schema.description || ""),
    (schema.allOf || []).filter((part) => part.$ref).map((part) => el("p", {}, "Everything of ", link(part), " and")),
    table(["Member", "", "Type", "What"], rows),
    schema.example ? el("pre", {}, JSON.stringify(schema.example, null, 2)) : null);
}

function show(api) {
  const main = document.getElementById("main");
  main.replaceChildren(
    el("h1", {}, api.info.title + " " + api.info.version),
    ...api.info.description.split("\n\n").map((text) => el("p", {}, text)));
  for (const tag of api.tags || []) {
    main.append(el("h2", {}, tag.name), el("p", {}, tag.description || ""));
    for (const [path, item] of Object.entries(api.paths)) {
      for (const method of METHODS) {
        const operation = item[method];
        if (operation && (operation.tags || []).includes(tag.name)) main.append(showOperation(path, method, operation));
      }
    }
  }
  main.append(el("h2", {}, "bodies"));
  for (const [name, schema] of Object.entries(api.components.schemas || {})) main.append(showSchema(name, schema));
  openTarget();
}

// Opens what the address names and brings it into view: it was not there yet when the browser looked for it.
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  target.open = true;
  target.scrollIntoView();
}

window.addEventListener("hashchange", openTarget);

fetch("/docs/openapi.json")
  .then((answer) => answer.json())
  .then(show)
  .catch((error) => document.getElementById("main").append(el("p", {}, "The document could not be shown: " + error)));
