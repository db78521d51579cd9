/** Judges of the formats that are not ours: schemas, parsers and validators of other people. */
import sarifSchema from '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json' with { type: 'json' };
import Ajv from 'ajv/dist/2020.js';
import Draft04 from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import type { HtmlValidate } from 'html-validate';
import { parse } from 'junit2json';
import parseMetrics from 'parse-prometheus-text-format';
import type { Log } from 'sarif';
import { reportSchema } from '../../src/report/schema.ts';

const ajv = new Ajv.default({ allErrors: true, strict: true });
addFormats.default(ajv);
const isReport = ajv.compile(JSON.parse(reportSchema()));

/** What the published schema says against a value; nothing when it is a report. */
export function reportProblems(value: unknown): readonly string[] {
  isReport(value);
  return (isReport.errors ?? []).map((e) => `${e.instancePath} ${e.message}`);
}

const draft04 = new Draft04.default({ allErrors: true, strict: false, unicodeRegExp: false });
addFormats.default(draft04);
const isSarif = draft04.compile(sarifSchema);

/** The SARIF log, once the standard's schema has nothing against it. */
export function sarif(text: string): Log {
  const log = JSON.parse(text);
  if (!isSarif(log)) throw new Error(JSON.stringify(isSarif.errors?.slice(0, 5), null, 2));
  return log as unknown as Log;
}

/** What libxml2 says against a document; nothing when it is well-formed and valid by the rules below. */
export async function junitProblems(text: string): Promise<readonly string[]> {
  const { validateXML } = await import('xmllint-wasm');
  const result = await validateXML({ xml: [{ fileName: 'report.xml', contents: text }], schema: [JUNIT] });
  return result.valid ? [] : [result.rawOutput];
}

/** The test suites, as a reader of JUnit XML finds them. */
export async function junit(text: string) {
  const parsed = await parse(text);
  if (!parsed || !('testsuite' in parsed)) throw new Error('no testsuites');
  return parsed;
}

/** The least that readers of JUnit XML agree on, as a schema: elements, their order, needed attributes, numbers. */
const JUNIT = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:complexType name="outcome"><xs:simpleContent><xs:extension base="xs:string">
  <xs:attribute name="message" type="xs:string" use="required"/><xs:attribute name="type" type="xs:token" use="required"/>
</xs:extension></xs:simpleContent></xs:complexType>
<xs:attributeGroup name="sums"><xs:attribute name="name" type="xs:string" use="required"/>
  <xs:attribute name="tests" type="xs:nonNegativeInteger" use="required"/>
  <xs:attribute name="failures" type="xs:nonNegativeInteger" use="required"/>
  <xs:attribute name="errors" type="xs:nonNegativeInteger" use="required"/>
  <xs:attribute name="time" type="xs:decimal" use="required"/></xs:attributeGroup>
<xs:element name="testsuites"><xs:complexType><xs:sequence>
  <xs:element name="testsuite" maxOccurs="unbounded"><xs:complexType><xs:sequence>
    <xs:element name="properties"><xs:complexType><xs:sequence>
      <xs:element name="property" maxOccurs="unbounded"><xs:complexType>
        <xs:attribute name="name" type="xs:token" use="required"/><xs:attribute name="value" type="xs:string" use="required"/>
      </xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>
    <xs:element name="testcase" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:choice>
      <xs:element name="system-out" type="xs:string"/><xs:element name="failure" type="outcome"/>
      <xs:element name="error" type="outcome"/><xs:element name="skipped" type="outcome"/></xs:choice>
      <xs:attribute name="name" type="xs:string" use="required"/><xs:attribute name="classname" type="xs:string" use="required"/>
      <xs:attribute name="time" type="xs:decimal" use="required"/></xs:complexType></xs:element>
    </xs:sequence><xs:attributeGroup ref="sums"/>
    <xs:attribute name="skipped" type="xs:nonNegativeInteger" use="required"/>
    <xs:attribute name="timestamp" type="xs:dateTime" use="required"/></xs:complexType></xs:element>
</xs:sequence><xs:attributeGroup ref="sums"/></xs:complexType></xs:element></xs:schema>`;

let made: Promise<HtmlValidate> | undefined;
/** One validator for all pages; loading it takes a while. */
const validator = () => {
  made ??= import('html-validate').then(
    ({ HtmlValidate: Validator }) =>
      new Validator({
        extends: ['html-validate:standard', 'html-validate:a11y', 'html-validate:document'],
      }),
  );
  return made;
};

/** What html-validate says against a page; nothing when it is valid and accessible. */
export async function htmlProblems(page: string): Promise<readonly string[]> {
  const { results } = await (await validator()).validateString(page);
  return results.flatMap((r) => r.messages.map((m) => `${m.line}:${m.column} ${m.ruleId} ${m.message}`));
}

/** Every sample of a Prometheus text as `name` with its labels and its value. */
export function samples(text: string) {
  return parseMetrics(text).flatMap((family) =>
    family.metrics.map(({ labels = {}, value }) => ({
      name: family.name,
      help: family.help,
      type: family.type,
      labels,
      value: Number(value),
    })),
  );
}
