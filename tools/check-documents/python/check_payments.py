"""Validates each pain.001 file of a folder by the XSD that sepaxml ships for its version, and adds up its transactions."""
import sys
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import sepaxml
import xmlschema

schemas = Path(sepaxml.__file__).parent / "schemas"
passed = failed = 0
for file in sorted(Path(sys.argv[1]).glob("*.pain.xml")):
    root = ElementTree.parse(file).getroot()
    namespace = root.tag[1:].split("}")[0]
    problems = [str(error.reason) for error in xmlschema.XMLSchema(str(schemas / f"{namespace.split(':')[-1]}.xsd")).iter_errors(str(file))]
    find = lambda path: root.findall(".//" + "/".join(f"{{{namespace}}}{name}" for name in path.split("/")))
    amounts = [Decimal(a.text) for a in find("InstdAmt")]
    for where in ("GrpHdr", "PmtInf"):
        stated = (Decimal(find(f"{where}/CtrlSum")[0].text), int(find(f"{where}/NbOfTxs")[0].text))
        if stated != (sum(amounts), len(amounts)):
            problems.append(f"{where} states {stated}, its transactions come to {sum(amounts)} in {len(amounts)}")
    ids = [e.text for e in find("EndToEndId")]
    if len(set(ids)) != len(ids) or any(len(i) > 35 for i in ids):
        problems.append("an EndToEndId comes twice, or is too long")
    for problem in problems:
        print(f"{file.name}: {problem}")
    passed, failed = (passed + 1, failed) if not problems else (passed, failed + 1)
print(f"payments: {passed} passed, {failed} failed")
sys.exit(0 if failed == 0 and passed > 0 else 1)
