export { LabelLake } from "./label-lake";
export { cargoLambda } from "./program";
export { Aggregation, LabelLakeProps } from "./props";
