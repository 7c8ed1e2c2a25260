export { LabelLake } from "./label-lake";
export { cargoLambda } from "./program";
export { Aggregation, AllJobs, LabelLakeProps } from "./props";
