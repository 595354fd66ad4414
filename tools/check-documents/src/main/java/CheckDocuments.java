import com.helger.diver.api.coord.DVRCoordinate;
import com.helger.phive.api.execute.ValidationExecutionManager;
import com.helger.phive.api.executorset.ValidationExecutorSetRegistry;
import com.helger.phive.api.validity.IValidityDeterminator;
import com.helger.phive.peppol.PeppolValidation2026_05;
import com.helger.phive.xml.source.IValidationSourceXML;
import com.helger.phive.xml.source.ValidationSourceXML;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/** Validates every XML file of a folder by the Peppol rules (which hold those of EN 16931) that its form and type ask for. */
public final class CheckDocuments {
  /** Warnings that do not hold for us. NO-R-002: the word of Norway's register of enterprises, in which a seller from abroad that is registered there for VAT alone is not. */
  private static final Set<String> NOT_FOR_US = Set.of("NO-R-002");

  public static void main(String[] arguments) throws Exception {
    var registry = new ValidationExecutorSetRegistry<IValidationSourceXML>();
    PeppolValidation2026_05.init(registry);
    int passed = 0;
    int failed = 0;
    for (Path file : Files.list(Path.of(arguments[0])).filter(f -> f.toString().endsWith(".xml") && !f.toString().endsWith(".pain.xml")).sorted().collect(Collectors.toList())) {
      var rules = registry.getOfID(rulesOf(Files.readString(file)));
      var document = javax.xml.parsers.DocumentBuilderFactory.newDefaultNSInstance().newDocumentBuilder().parse(file.toFile());
      var results = ValidationExecutionManager.executeValidation(IValidityDeterminator.createDefault(), rules, ValidationSourceXML.create(file.getFileName().toString(), document), Locale.ENGLISH);
      int[] found = {0};
      results.forEachFlattened(e -> e.getErrorLevel().isGE(com.helger.diagnostics.error.level.EErrorLevel.WARN), e -> {
        if (e.getErrorLevel().isLT(com.helger.diagnostics.error.level.EErrorLevel.ERROR) && NOT_FOR_US.contains(e.getErrorID())) return;
        found[0]++;
        System.out.println(file.getFileName() + ": " + e.getAsString(Locale.ENGLISH));
      });
      if (found[0] == 0 && results.containsNoError() && results.size() > 1) passed++;
      else failed++;
    }
    System.out.println(passed + " passed, " + failed + " failed");
    System.exit(failed == 0 && passed > 0 ? 0 : 1);
  }

  private static DVRCoordinate rulesOf(String xml) {
    boolean credits = xml.contains("<CreditNote ");
    if (xml.contains("poacc:selfbilling:3.0")) return credits ? PeppolValidation2026_05.VID_OPENPEPPOL_CREDIT_NOTE_SELF_BILLING_UBL_V3 : PeppolValidation2026_05.VID_OPENPEPPOL_INVOICE_SELF_BILLING_UBL_V3;
    return credits ? PeppolValidation2026_05.VID_OPENPEPPOL_CREDIT_NOTE_UBL_V3 : PeppolValidation2026_05.VID_OPENPEPPOL_INVOICE_UBL_V3;
  }
}
