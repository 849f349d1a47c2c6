import { lossOf } from "@papo/core/testing";
import { PrivilegedTutoringPlugin } from "@papo/plugins";
import { expect, test } from "vitest";
import { listenedTo } from "../../support/listened-to.ts";

test("where no row has a hint, a person is told that nothing is taught", () => {
  const said: string[] = [];
  const { terms } = lossOf([listenedTo(new PrivilegedTutoringPlugin({ hint: "tip" }), said)], {
    logProbs: [[-0.5, -1]],
    rewards: [0],
    parts: { accuracy: [0] },
    scores: { "original/current/jsd(tutored reference)": [[0.1, 0.2]] },
  });
  expect(terms["ptd/tutoring"]).toMatchObject({ value: 0 });
  expect(said).toEqual([
    expect.stringMatching(/^no row of an update has a hint in the column "tip": nothing is taught.*option hint/),
  ]);
});
