import { assertEquals } from "@std/assert";
import { didYouMean, nearestName } from "../../../../src/base/text/did_you_mean.ts";

const NAMES = ["port", "kaTime", "softUnsentBytes", "sslCertFilepath", "receive", "user-agent"];

Deno.test("a name is meant that differs by its case, or is spelt as in C", () => {
  assertEquals(nearestName("katime", NAMES), "kaTime");
  assertEquals(nearestName("ka_time", NAMES), "kaTime");
  assertEquals(nearestName("ssl_cert_filepath", NAMES), "sslCertFilepath");
  assertEquals(nearestName("LWS_CALLBACK_RECEIVE", NAMES), "receive");
  assertEquals(nearestName("WSI_TOKEN_USER_AGENT", NAMES), "user-agent");
  assertEquals(nearestName("sslCertFilepath", ["ssl_cert_filepath"]), "ssl_cert_filepath");
});

Deno.test("a name is meant that differs by two letters, and none that differs by three", () => {
  assertEquals(nearestName("recieve", NAMES), "receive");
  assertEquals(nearestName("rekeife", NAMES), "receive");
  assertEquals(nearestName("rekeifo", NAMES), undefined);
});

Deno.test("of a long name a third of its letters may differ, and no more", () => {
  assertEquals(nearestName("softUnsentLimit", NAMES), "softUnsentBytes");
  assertEquals(nearestName("softUnsedLimits", NAMES), undefined);
});

Deno.test("of a short name no more than half of its letters may differ", () => {
  assertEquals(nearestName("pt", ["id"]), undefined);
  assertEquals(nearestName("ud", ["id"]), "id");
});

Deno.test("of two names the nearer one is meant, and of two that are as near the first", () => {
  assertEquals(nearestName("maxHead", ["maxHeat", "maxHeads"]), "maxHeat");
  assertEquals(nearestName("recieve", ["relieve", "receive"]), "relieve");
});

Deno.test("the hint stands at the end of a message, with what is in front of the names there", () => {
  assertEquals(`there is no por${didYouMean("por", NAMES)}`, "there is no por; did you mean port?");
  assertEquals(didYouMean("por", NAMES, "limits."), "; did you mean limits.port?");
  assertEquals(didYouMean("certificates", NAMES), "");
  assertEquals(didYouMean(7, NAMES), "");
});

Deno.test("a name of another library's means what that is called here, however near another is", () => {
  const synonyms = { part: "user-agent" };
  assertEquals(didYouMean("part", NAMES), "; did you mean port?");
  assertEquals(didYouMean("part", NAMES, "", synonyms), "; did you mean user-agent?");
  assertEquals(didYouMean("constructor", NAMES, "", synonyms), "");
});
