/** The programs beside this file whose steps are timed, and the side of their images. */
export const models = [
  { name: "resnet18", title: "ResNet-18, 64 x 64", size: 64, classes: 1000 },
  { name: "resnet34", title: "ResNet-34, 96 x 96", size: 96, classes: 1000 },
  { name: "vit", title: "ViT, 6 blocks of 192, 196 patches", size: 224, classes: 10 },
  { name: "transformer", title: "Transformer block of 768, 196 tokens", size: 224, classes: 10 },
  { name: "lstm3", title: "BiLSTM, 2 layers of 512, 3 steps", size: 14, classes: 10 },
  { name: "lstm64", title: "BiLSTM, 2 layers of 512, 64 steps", size: 64, classes: 10 },
  { name: "efficientnet", title: "EfficientNet-B0, third stage", size: 112, classes: 10 },
] as const;
